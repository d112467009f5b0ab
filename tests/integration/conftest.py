"""One migrated database for all tests of stores: each works with users of its own or undoes what it did."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from database_copies import copied_database
from db import Connection, Database
from handlers_world import Bot, Person
from object_files import FolderObjectStore
from object_store import ObjectStore
from openai_server import OpenAIServer, Pauses
from tcp_proxy import TcpProxy


@pytest.fixture(scope="session")
async def shared_database(postgres_dsn: str, migrated: str) -> AsyncIterator[Database]:
    """A database that tests share; what they commit stays."""
    database = await Database.open(await copied_database(postgres_dsn, migrated, "shared"))
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
    database = await Database.open(await copied_database(postgres_dsn, migrated, "followers"))
    yield database
    await database.close()


@pytest.fixture
async def followed(followers_database: Database) -> Database:
    """The followers' database with nobody in it."""
    async with followers_database.transaction() as connection:
        await connection.execute("TRUNCATE users, removed_chunks RESTART IDENTITY CASCADE")
    return followers_database


@pytest.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    """A loopback server that speaks the protocol of OpenAI."""
    async with OpenAIServer() as server:
        yield server


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()
