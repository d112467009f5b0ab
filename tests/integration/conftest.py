"""One migrated database for all tests of stores: each works with users of its own or undoes what it did."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from db import Connection, Database
from handlers_world import Bot, Person
from object_files import FolderObjectStore
from object_store import ObjectStore
from openai_server import OpenAIServer, Pauses
from tcp_proxy import TcpProxy


@pytest.fixture(scope="session")
async def shared_database(postgres_dsn: str, migrated: str) -> AsyncIterator[Database]:
    """A database that tests share; what they commit stays."""
    name = f"shared_{uuid4().hex}"
    query = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(migrated))
    async with await psycopg.AsyncConnection.connect(postgres_dsn, autocommit=True) as connection:
        await connection.execute(query)
    database = await Database.open(make_conninfo(postgres_dsn, dbname=name))
    yield database
    await database.close()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A database of the test's own, in which it finds nobody else's rows and jobs."""
    opened = await Database.open(database_url)
    yield opened
    await opened.close()


@pytest.fixture
async def way(postgres_dsn: str) -> AsyncIterator[TcpProxy]:
    """A way to PostgreSQL that the test can cut."""
    known = conninfo_to_dict(postgres_dsn)
    async with TcpProxy(str(known["host"]), int(str(known["port"]))) as proxy:
        yield proxy


@pytest.fixture
async def connection(shared_database: Database) -> AsyncIterator[Connection]:
    """A connection whose work is undone after the test."""
    async with shared_database.pool.connection() as connection, connection.transaction(force_rollback=True):
        yield connection


@pytest.fixture
def objects(tmp_path: Path) -> ObjectStore:
    return FolderObjectStore(tmp_path / "objects")


@pytest.fixture
def bot(shared_database: Database, tmp_path: Path, objects: ObjectStore) -> Bot:
    return Bot(shared_database, tmp_path, objects)


@pytest.fixture
async def person(bot: Bot) -> Person:
    return await Person.come(bot)


@pytest.fixture(scope="session")
async def followers_database(postgres_dsn: str, migrated: str) -> AsyncIterator[Database]:
    """A database whose open rows are those of one test at a time: followers take care of all that they find."""
    name = f"followers_{uuid4().hex}"
    query = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(migrated))
    async with await psycopg.AsyncConnection.connect(postgres_dsn, autocommit=True) as connection:
        await connection.execute(query)
    database = await Database.open(make_conninfo(postgres_dsn, dbname=name))
    yield database
    await database.close()


@pytest.fixture
async def followed(followers_database: Database) -> Database:
    """The followers' database with nobody in it."""
    async with followers_database.transaction() as connection:
        await connection.execute("TRUNCATE users CASCADE")
    return followers_database


@pytest.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    """A loopback server that speaks the protocol of OpenAI."""
    async with OpenAIServer() as server:
        yield server


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()
