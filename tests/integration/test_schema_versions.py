"""Code and schema of different versions: an upgrade from every schema, and the former code on the newest one."""

import asyncio
import io
import shutil
import subprocess
import tarfile
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

import product
from config import ROOT
from db import SQL_SCRIPTS, Database, migrate
from openai_server import OpenAIServer
from recording_files import speech
from weights.installer import ensure_weights

SCRIPTS = sorted(path for path in SQL_SCRIPTS.iterdir() if path.suffix in {".sql", ".py"})
PEOPLE_OF_0001 = """
WITH owner AS (
    INSERT INTO users (id, telegram_id, name, role) VALUES (gen_random_uuid(), 7, 'Мария', 'user') RETURNING id
)
INSERT INTO recordings (id, owner_id, number, sha256, size_bytes, file_name, extension, object_key, container, codec,
    duration_s, scenario, stage)
SELECT gen_random_uuid(), id, 1, repeat('a', 64), 1, 'Беседа.ogg', 'ogg', 'k', 'ogg', 'opus', 60, 'interview', 'done'
FROM owner
"""
SCHEMA = """
SELECT 'column', table_name, column_name, data_type || is_nullable || coalesce(column_default, '')
FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE '\\_yoyo%'
UNION ALL SELECT 'index', tablename, indexname, indexdef FROM pg_indexes
    WHERE schemaname = 'public' AND tablename NOT LIKE '\\_yoyo%' AND tablename NOT LIKE 'yoyo%'
UNION ALL SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text NOT LIKE '%yoyo%'
"""


def schema_of(url: str) -> set[tuple[str, ...]]:
    with psycopg.connect(url) as connection:
        return set(connection.execute(SCHEMA).fetchall())


@pytest.mark.parametrize("last", SCRIPTS, ids=lambda path: path.stem)
async def test_a_database_of_every_earlier_schema_becomes_that_of_today_and_keeps_its_rows(
    last: Path, empty_database_url: str, postgres_dsn: str, migrated: str, tmp_path: Path
) -> None:
    for script in SCRIPTS[: SCRIPTS.index(last) + 1]:
        shutil.copy(script, tmp_path)
    await asyncio.to_thread(migrate, empty_database_url, tmp_path)
    with psycopg.connect(empty_database_url) as connection:
        connection.execute(PEOPLE_OF_0001)

    database = await Database.open(empty_database_url)
    try:
        await database.check()
    finally:
        await database.close()

    assert schema_of(empty_database_url) == schema_of(make_conninfo(postgres_dsn, dbname=migrated))
    with psycopg.connect(empty_database_url) as connection:
        rows = connection.execute("SELECT name, file_name, stage FROM recordings JOIN users ON users.id = owner_id")
        assert rows.fetchall() == [("Мария", "Беседа.ogg", "done")]


def migrated_to(number: str, database_url: str, scripts: Path) -> None:
    for script in [each for each in SCRIPTS if each.name < number]:
        shutil.copy(script, scripts)
    migrate(database_url, scripts)
    with psycopg.connect(database_url) as connection:
        connection.execute(PEOPLE_OF_0001)


def test_who_starts_for_the_first_time_reads_nothing_of_the_schema(
    empty_database_url: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert migrate(empty_database_url)
    assert capfd.readouterr() == ("", ""), "the rows of a SELECT were printed between what people read"


def test_orders_of_images_that_are_open_at_the_upgrade_get_their_reservation(
    empty_database_url: str, tmp_path: Path
) -> None:
    migrated_to("0044", empty_database_url, tmp_path)
    # Open without and with a reservation, a double, and one that has ended.
    orders = [("a", "waiting", "reserved", False), ("b", "sending", "reserved", False)]
    orders += [("c", "waiting", "reserved", True), ("d", "failed", "released", False)]
    with psycopg.connect(empty_database_url) as connection:
        for number, (occasion, state, quota, is_test) in enumerate(orders):
            connection.execute(
                "INSERT INTO image_orders "
                "(id, owner_id, kind, number, occasion, trainer, price_usd, state, quota, is_test, ended_at) "
                "SELECT gen_random_uuid(), id, 'picture', %s, %s, 't', 6.5, %s, %s, %s, "
                "CASE WHEN %s = 'failed' THEN now() END FROM users LIMIT 1",
                (number, occasion, state, quota, is_test, state),
            )
        connection.execute(
            "INSERT INTO limit_uses (work, resource, owner_id, subject, month, reserved, exact, state) "
            "SELECT id, 'money', owner_id, id, '2026-01-01', 2, true, 'reserved' FROM image_orders WHERE occasion = 'b'"
        )
    migrate(empty_database_url)
    query = (
        "SELECT occasion, reserved, used, limit_uses.state FROM limit_uses JOIN image_orders ON work = id ORDER BY 1"
    )
    with psycopg.connect(empty_database_url) as connection:
        rows = [
            (name, float(reserved), float(used), state) for name, reserved, used, state in connection.execute(query)
        ]
        assert rows == [("a", 6.5, 0, "reserved"), ("b", 2, 0, "reserved")]
        connection.execute(
            "UPDATE image_orders SET state = 'done', quota = 'committed', paid = 'yes', ended_at = now() "
            "WHERE occasion = 'a'"
        )
        assert [(float(row[2]), row[3]) for row in connection.execute(query)] == [(6.5, "done"), (0, "reserved")]


def test_speeches_that_are_open_at_the_upgrade_get_their_reservation(empty_database_url: str, tmp_path: Path) -> None:
    migrated_to("0046", empty_database_url, tmp_path)
    speeches = {
        "open": ("tts-1/alloy@api.openai.com/v1", False),
        "begun": ("gpt-4o-mini-tts-2025-12-15/alloy@api.openai.com/v1", False),
        "reserved": ("tts-1-hd/alloy@api.openai.com/v1", False),
        "ended": ("tts-1/alloy@api.openai.com/v1", True),
        "free": ("sherpa/vits", False),
    }
    with psycopg.connect(empty_database_url) as connection:
        for key, (voice, has_ended) in speeches.items():
            connection.execute(
                "INSERT INTO speeches (id, owner_id, kind, title, text, is_whole, voice, key, pieces, ended_at) "
                "SELECT gen_random_uuid(), id, 'text', '', repeat('я', 100000), true, %s, %s, 1, "
                "CASE WHEN %s THEN now() END FROM users LIMIT 1",
                (voice, key, has_ended),
            )
        for key, reserved, used, state in (("begun", 0, 0.5, "released"), ("reserved", 2, 0, "reserved")):
            connection.execute(
                "INSERT INTO limit_uses (work, resource, owner_id, subject, month, reserved, used, exact, state) "
                "SELECT id, 'money', owner_id, id, date_trunc('month', now()), %s, %s, false, %s FROM speeches "
                "WHERE key = %s",
                (reserved, used, state, key),
            )
    migrate(empty_database_url)
    query = (
        "SELECT key, reserved, used, limit_uses.state FROM limit_uses JOIN speeches ON work = speeches.id ORDER BY 1"
    )
    with psycopg.connect(empty_database_url) as connection:
        rows = [(key, float(reserved), float(used), state) for key, reserved, used, state in connection.execute(query)]
        assert rows == [
            ("begun", 1.7, 0.5, "reserved"),
            ("open", 1.5, 0, "reserved"),
            ("reserved", 2, 0, "reserved"),
        ]
        connection.execute("UPDATE speeches SET ended_at = now() WHERE key IN ('begun', 'open')")
        ended = [(row[0], float(row[2]), row[3]) for row in connection.execute(query)]
    assert ended == [("begun", 0.5, "released"), ("open", 0, "released"), ("reserved", 0, "reserved")]


def test_photographs_keep_their_order_at_the_upgrade_and_new_ones_come_last(
    empty_database_url: str, tmp_path: Path
) -> None:
    migrated_to("0046", empty_database_url, tmp_path)
    with psycopg.connect(empty_database_url) as connection:
        connection.execute(
            "INSERT INTO avatars (id, owner_id, number, name, is_test, card_random_id) "
            "SELECT gen_random_uuid(), id, 1, 'Анна', false, 1 FROM users LIMIT 1"
        )
        sent = (
            "INSERT INTO incoming_files (owner_id, chat_id, message_id, file, caption, state) "
            "SELECT id, 1, %s, '{}', '', 'waiting' FROM users LIMIT 1 RETURNING id"
        )
        ids = [connection.execute(sent, (number,)).fetchone() for number in range(3)]
        photo = (
            "INSERT INTO avatar_photos (id, avatar_id, incoming_id, sha256) "
            "SELECT gen_random_uuid(), id, %s, %s FROM avatars"
        )
        for place in (2, 0, 1):
            assert ids[place] is not None
            connection.execute(photo, (*(ids[place] or ()), f"m{place}"))
        connection.execute(photo, (None, "browser"))
    migrate(empty_database_url)
    with psycopg.connect(empty_database_url) as connection:
        for number in range(3):
            connection.execute(photo, (None, f"new{number}"))
        rows = connection.execute("SELECT sha256 FROM avatar_photos ORDER BY place").fetchall()
    assert [name for (name,) in rows] == ["m0", "m1", "m2", "browser", "new0", "new1", "new2"]


def git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=True).stdout


@pytest.fixture(scope="module")
def former_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The product as it was before the newest migration came."""
    try:
        # It may have got its number where it was merged.
        came = ("log", "-1", "--first-parent", "-m", "--format=%H", "--diff-filter=A", "--", str(SCRIPTS[-1]))
        changed = git(*came).decode().strip()
        archive = git("archive", f"{changed}^", "src", "sql_scripts", "prompts", "resources", "pyproject.toml")
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("the history of this checkout does not reach back to the former schema")
    folder = tmp_path_factory.mktemp("former")
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(folder, filter="data")
    assert SCRIPTS[-1].name not in {path.name for path in (folder / "sql_scripts").iterdir()}
    return folder


@pytest.mark.weights
async def test_the_former_code_works_on_the_schema_of_today(
    former_release: Path, empty_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await asyncio.to_thread(migrate, empty_database_url)
    await ensure_weights("voice-encoder", product.MODELS)
    async with OpenAIServer() as server:
        settings = {"DATABASE_URL": empty_database_url, "EMBEDDINGS_ENGINE": "off"}
        installed = product.Product(tmp_path / "state", settings)
        installed.use(server)
        monkeypatch.setattr(product, "ROOT", former_release)
        wanted = ("--scenario", "interview", "--building", "hotel", "--report", "report_int_links")
        file = speech(tmp_path / "Беседа.ogg", 12)
        done = await asyncio.to_thread(installed.run, "process", file, *wanted, "--out", tmp_path / "out")
    assert done.status == 0, done.said
    with psycopg.connect(empty_database_url) as connection:
        assert connection.execute("SELECT stage FROM recordings").fetchall() == [("done",)]
        assert connection.execute("SELECT status FROM report_runs").fetchall() == [("done",)]
        [(applied,)] = connection.execute("SELECT max(migration_id) FROM _yoyo_migration").fetchall()
    assert applied == SCRIPTS[-1].stem
