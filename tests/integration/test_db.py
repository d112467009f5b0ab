"""The schema comes up to date whatever happened before, and database trouble has our names."""

import asyncio
import shutil
import socket
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import procrastinate
import psycopg
import pytest

from db import SQL_SCRIPTS, Connection, Database, migrate
from errors import BadSettings, DatabaseFull, DatabaseUnavailable
from errors_of_operation import MigrationFailed

SRC = Path(__file__).resolve().parents[2] / "src"

MIGRATE = "import sys, pathlib, db; db.migrate(sys.argv[1], pathlib.Path(sys.argv[2]))"

HANGING_STEP = """
from yoyo import step

__depends__ = {"0002.job-queue"}
steps = [step("CREATE TABLE half_done (id integer)"), step("SELECT pg_sleep(600)")]
"""
WAIT_UNTIL_IT_HANGS = """
DO $$ BEGIN
    WHILE NOT EXISTS (SELECT FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(600)' AND state = 'active') LOOP
        PERFORM pg_sleep(0.05), pg_stat_clear_snapshot();
    END LOOP;
END $$
"""
MENDED_STEP = """
from yoyo import step

__depends__ = {"0002.job-queue"}
steps = [step("CREATE TABLE half_done (id integer)")]
"""
QUESTION_OF_0005 = """
WITH owner AS (INSERT INTO users (id, name, role) VALUES (gen_random_uuid(), 'Мария', 'user') RETURNING id),
chat AS (INSERT INTO chats (owner_id, number) SELECT id, 1 FROM owner RETURNING owner_id, number),
state AS (
    INSERT INTO user_states (user_id, key, value) SELECT id, 'chat_title_message', '{"message_id": 9}' FROM owner
),
question AS (
    INSERT INTO chat_questions (owner_id, chat_number, telegram_chat_id, message_id, text)
    SELECT owner_id, number, 1001, 17, 'Что?' FROM chat RETURNING id
)
INSERT INTO chat_answers (id, question_id, kind, status, waiting_message_id)
SELECT gen_random_uuid(), id, 'fast', 'waiting', 18 FROM question
"""


async def backends(database: Database) -> set[int]:
    """The server's processes that answer three transactions at once."""
    async with AsyncExitStack() as stack:
        connections = [await stack.enter_async_context(database.transaction()) for _ in range(3)]
        pids = {connection.info.backend_pid for connection in connections}
        for connection in connections:
            await connection.execute("SELECT 1")
    assert len(pids) == 3
    return pids


def migrating_process(database_url: str, scripts: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", MIGRATE, database_url, str(scripts)], env={"PYTHONPATH": str(SRC)})


def applied(database_url: str) -> list[str]:
    with psycopg.connect(database_url) as connection:
        rows = connection.execute("SELECT migration_id FROM _yoyo_migration ORDER BY migration_id").fetchall()
    return [row[0] for row in rows]


def all_scripts() -> list[str]:
    return sorted(path.stem for path in SQL_SCRIPTS.iterdir() if path.suffix in {".sql", ".py"})


def test_every_script_is_applied_once_however_often_one_starts(empty_database_url: str) -> None:
    migrate(empty_database_url)
    migrate(empty_database_url)
    assert applied(empty_database_url) == all_scripts()


def test_a_user_without_a_name_migrates_too(empty_database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr("os.getuid", lambda: 4_000_000)
    migrate(empty_database_url)
    with psycopg.connect(empty_database_url) as connection:
        assert connection.execute("SELECT DISTINCT username FROM _yoyo_log").fetchall() == [("4000000",)]


def test_questions_of_before_there_were_other_front_doors_are_telegram_s(
    empty_database_url: str, tmp_path: Path
) -> None:
    for number in range(1, 6):
        [script] = SQL_SCRIPTS.glob(f"{number:04}.*")
        shutil.copy(script, tmp_path)
    migrate(empty_database_url, tmp_path)
    with psycopg.connect(empty_database_url) as connection:
        connection.execute(QUESTION_OF_0005)
    migrate(empty_database_url)
    with psycopg.connect(empty_database_url) as connection:
        question = connection.execute("SELECT door, key, return_to FROM chat_questions, chat_answers").fetchall()
        state = connection.execute("SELECT key, value FROM user_states").fetchall()
    assert question == [("telegram", "1001:17", {"chat_id": 1001, "waiting_message_id": 18})]
    assert state == [("chat_last_title", {"door": "telegram", "turn": 9})]


def test_processes_that_start_together_take_turns(empty_database_url: str) -> None:
    processes = [migrating_process(empty_database_url, SQL_SCRIPTS) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert applied(empty_database_url) == all_scripts()


def test_a_migration_killed_in_the_middle_is_undone_and_done_again(empty_database_url: str, tmp_path: Path) -> None:
    scripts = tmp_path / "sql_scripts"
    shutil.copytree(SQL_SCRIPTS, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    (scripts / "9999.hanging.py").write_text(HANGING_STEP)
    process = migrating_process(empty_database_url, scripts)
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute(WAIT_UNTIL_IT_HANGS)
    process.kill()
    process.wait()
    (scripts / "9999.hanging.py").write_text(MENDED_STEP)

    migrate(empty_database_url, scripts)

    assert applied(empty_database_url) == [*all_scripts(), "9999.hanging"]


def test_a_script_that_fails_leaves_nothing_behind(empty_database_url: str, tmp_path: Path) -> None:
    (tmp_path / "0001.broken.sql").write_text("CREATE TABLE half_done (id integer);\nSELECT no_such_column;\n")
    with pytest.raises(MigrationFailed) as failed:
        migrate(empty_database_url, tmp_path)
    assert "0001.broken не прошло (UndefinedColumn, 42703)" in failed.value.user_text
    assert "no_such_column" not in f"{failed.value}{failed.value.user_text}"
    with psycopg.connect(empty_database_url) as connection:
        assert connection.execute("SELECT to_regclass('half_done')").fetchone() == (None,)
    assert applied(empty_database_url) == []


async def test_the_job_queue_works_after_the_migrations(database: Database) -> None:
    done: list[str] = []
    app = procrastinate.App(connector=procrastinate.PsycopgConnector())

    @app.task(name="note")
    async def note(what: str) -> None:
        done.append(what)

    async with app.open_async(database.pool):
        async with database.transaction() as connection:
            await note.configure(connection=connection).defer_async(what="Принято")
        await app.run_worker_async(wait=False, install_signal_handlers=False, listen_notify=False)
    assert done == ["Принято"]


async def test_a_transaction_that_raises_is_undone(database: Database) -> None:
    async def add_user_and_fail() -> None:
        async with database.transaction() as connection:
            await connection.execute("INSERT INTO cities (id, name) VALUES (gen_random_uuid(), 'Казань')")
            raise InterruptedError

    with pytest.raises(InterruptedError):
        await add_user_and_fail()
    async with database.transaction() as connection:
        assert await (await connection.execute("SELECT name FROM cities")).fetchall() == []


async def test_more_tasks_than_connections_wait_for_their_turn(database: Database) -> None:
    await asyncio.gather(*(database.check() for _ in range(50)))


async def test_connections_that_the_server_dropped_are_replaced(database: Database, database_url: str) -> None:
    before = await backends(database)
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        await connection.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    assert not before & await backends(database)


async def test_a_connection_that_breaks_during_the_work_is_the_databases_trouble(database: Database) -> None:
    with pytest.raises(DatabaseUnavailable):
        async with database.transaction() as connection:
            await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")


async def test_a_full_disk_of_the_server_counts_as_an_absence_and_is_named(database: Database) -> None:
    database.place = Path("/srv/postgres")
    with pytest.raises(DatabaseFull, match="no space") as raised:
        async with database.transaction() as connection:
            await connection.execute("DO $$ BEGIN RAISE EXCEPTION 'no space' USING ERRCODE = 'disk_full'; END $$")
    assert isinstance(raised.value, DatabaseUnavailable)
    assert "На диске базы данных (/srv/postgres) кончилось место" in raised.value.user_text


async def test_what_must_not_be_lost_is_stored_once_the_server_has_space(database: Database) -> None:
    tries = iter(range(6))

    async def store(connection: Connection) -> str:
        if next(tries, None) is not None:
            await connection.execute("DO $$ BEGIN RAISE EXCEPTION 'no space' USING ERRCODE = 'disk_full'; END $$")
        return "stored"

    with pytest.raises(DatabaseFull):
        await database.persist(store)
    assert await database.patient().persist(store) == "stored"


async def test_a_mistake_of_ours_stays_a_mistake_of_ours(database: Database) -> None:
    with pytest.raises(psycopg.errors.UndefinedTable):
        async with database.transaction() as connection:
            await connection.execute("SELECT * FROM no_such_table")


async def test_a_server_that_does_not_answer_is_unavailable() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(DatabaseUnavailable):
            await Database.open(f"postgresql://nobody@127.0.0.1:{port}/nothing")


async def test_a_wrong_connection_string_names_the_setting_and_hides_the_value() -> None:
    with pytest.raises(BadSettings) as raised:
        await Database.open("host=localhost password='secret")
    assert "DATABASE_URL" in raised.value.user_text
    assert "secret" not in str(raised.value)
    assert raised.value.__cause__ is None


async def test_a_lock_is_held_by_one_at_a_time_and_free_afterwards(database: Database) -> None:
    async with (
        database.locks.tried("recording:1") as first,
        database.locks.tried("recording:1") as second,
        database.locks.tried("recording:2") as other,
    ):
        assert (first, second, other) == (True, False, True)
    async with database.locks.tried("recording:1") as again:
        assert again


async def test_a_lock_is_taken_from_a_holder_that_shows_no_life_and_from_no_other(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("database.locks._LIFE_SIGN_S", 0.1)
    another = await Database.open(database_url)
    try:
        async with database.locks.held("recording:1") as held:
            assert await database.locks.other_holder("recording:1") is None
            assert await another.locks.other_holder("recording:2") is None
            lively = await another.locks.other_holder("recording:1")
            assert lively is not None
            await asyncio.sleep(0.5)
            assert not await another.locks.end(lively)

            monkeypatch.setattr("database.locks._LIFE_SIGN_S", 60.0)
            await asyncio.sleep(0.5)
            silent = await another.locks.other_holder("recording:1")
            assert silent is not None
            await asyncio.sleep(0.5)
            assert not held.lost.is_set()
            assert await another.locks.end(silent)
            async with another.locks.tried("recording:1") as free:
                assert free
            database.locks.look()
            await asyncio.wait_for(held.lost.wait(), 5)
    finally:
        await another.close()


async def test_a_cancellation_that_meets_a_connection_is_not_lost(database_url: str) -> None:
    database = await Database.open(database_url, max_size=1)
    went_on = 0

    async def works() -> None:
        nonlocal went_on
        async with database.transaction():
            went_on += 1
            await asyncio.sleep(30)

    try:
        for turns in range(12):
            async with database.transaction():
                waits = asyncio.create_task(works())
                await asyncio.sleep(0.01)
            for _ in range(turns):
                await asyncio.sleep(0)
            before = went_on
            waits.cancel()
            await asyncio.wait([waits], timeout=10)
            assert waits.cancelled(), f"cancelled {turns} turns of the loop after a connection was free"
            assert went_on == before
        async with database.transaction():
            pass
    finally:
        await database.close()
