"""Fixtures that start real engines, which are lazy: a unit test never waits for one. Settings of the property tests."""

import os
import signal
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import pytest
from hypothesis import settings
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from database_copies import copied_database
from db import migrate
from embedded.engines import Engines
from embedded.s3 import EmbeddedS3, S3Endpoint
from s3_server import weed

for each in (signal.SIGINT, signal.SIGHUP):
    # A run in the background ignores these, and so would all that its tests start.
    if signal.getsignal(each) is signal.SIG_IGN:
        signal.signal(each, signal.default_int_handler if each is signal.SIGINT else signal.SIG_DFL)

# How long an example takes says nothing on a loaded machine.
settings.register_profile("unhurried", deadline=None)
# Examples that no run has tried before, wherever it is; a failure prints how to repeat it.
settings.register_profile("new", deadline=None, derandomize=False, database=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "unhurried"))


@pytest.fixture(scope="session")
def engines_dir() -> Iterator[Path]:
    """Where the session's engines keep their state.

    Not under pytest's own directory, which other sessions close to all users but root when they start.
    """
    with tempfile.TemporaryDirectory(prefix="voxpersona-test-") as directory:
        yield Path(directory)


@pytest.fixture(scope="session")
async def engines(engines_dir: Path) -> AsyncIterator[Engines]:
    async with Engines(engines_dir) as engines:
        yield engines


@pytest.fixture(scope="session")
async def postgres_dsn(engines: Engines) -> str:
    """An embedded PostgreSQL of this session's own, which need not outlive a power cut."""
    dsn = await engines.postgres()
    with psycopg.connect(dsn, autocommit=True) as connection:
        # To drop a database takes a second otherwise, or two.
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("SELECT pg_reload_conf()")
    return dsn


@pytest.fixture
async def database_url(postgres_dsn: str, migrated: str) -> AsyncIterator[str]:
    """A database of the test's own with the tables of this version and no rows."""
    async with _database(postgres_dsn, template=migrated) as url:
        yield url


@pytest.fixture
async def empty_database_url(postgres_dsn: str) -> AsyncIterator[str]:
    """A database of the test's own with nothing in it."""
    async with _database(postgres_dsn, template="template1") as url:
        yield url


@asynccontextmanager
async def _database(postgres_dsn: str, template: str) -> AsyncIterator[str]:
    url = await copied_database(postgres_dsn, template, "test")
    yield url
    drop = sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(str(conninfo_to_dict(url)["dbname"])))
    async with await psycopg.AsyncConnection.connect(postgres_dsn, autocommit=True) as connection:
        await connection.execute(drop)


@pytest.fixture(scope="session")
def migrated(postgres_dsn: str) -> str:
    """The name of a database that is ready, and of which others are copies."""
    name = f"migrated_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    migrate(psycopg.conninfo.make_conninfo(postgres_dsn, dbname=name))
    return name


@pytest.fixture(scope="session")
async def s3_endpoint(engines_dir: Path) -> AsyncIterator[S3Endpoint]:
    """An S3 server of this session's own."""
    server = EmbeddedS3(engines_dir, weed())
    yield server.endpoint(await server.acquire())
    await server.release()
