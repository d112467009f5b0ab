"""One migrated database for all tests of stores: each works with users of its own or undoes what it did."""

from collections.abc import AsyncIterator
from uuid import uuid4

import psycopg
import pytest
from psycopg import AsyncConnection, sql
from psycopg.conninfo import make_conninfo
from psycopg.rows import DictRow

from db import Database


@pytest.fixture(scope="session")
async def shared_database(postgres_dsn: str) -> AsyncIterator[Database]:
    """A database that tests share; what they commit stays."""
    name = f"shared_{uuid4().hex}"
    async with await psycopg.AsyncConnection.connect(postgres_dsn, autocommit=True) as connection:
        await connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    database = await Database.open(make_conninfo(postgres_dsn, dbname=name))
    yield database
    await database.close()


@pytest.fixture
async def connection(shared_database: Database) -> AsyncIterator[AsyncConnection[DictRow]]:
    """A connection whose work is undone after the test."""
    async with shared_database.pool.connection() as connection, connection.transaction(force_rollback=True):
        yield connection
