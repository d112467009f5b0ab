"""The commands of operators, as processes: settings, migrations, health, and a worker that has nobody to work for."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg.rows import TupleRow

from embedded.ports import free_ports
from embedded.s3 import S3Endpoint
from product import Outcome, Product, bucket_settings, checkout_with

FUTURE = """
    INSERT INTO _yoyo_migration (migration_hash, migration_id, applied_at_utc) VALUES ('h', '9999.of-tomorrow', now())
"""
JOB = "INSERT INTO procrastinate_jobs (queue_name, task_name) VALUES ('default', 'of_nobody')"


@pytest.fixture
def product(tmp_path: Path) -> Product:
    return Product(tmp_path)


def said(outcome: Outcome) -> str:
    return outcome.out + outcome.said


def test_settings_are_named_and_no_value_is_shown(product: Product) -> None:
    product.settings |= {"TELEGRAM_BOT_TOKEN": "1:secret", "MINIO_ENDPOINT": "objects:8333", "TELEGRAM_API_ID": "17"}
    outcome = product.run("validate-config")
    assert outcome.status == 2
    for name in ("TELEGRAM_API_HASH", "MINIO_SECRET_KEY", "OWNER_TELEGRAM_ID"):
        assert f"✖ {name}: не указано" in outcome.out
    assert "По умолчанию: " in outcome.out
    assert "secret" not in said(outcome)
    assert "objects:8333" not in said(outcome)

    product.settings |= {"RETENTION_DAYS": "скоро"}
    outcome = product.run("validate-config")
    assert (outcome.status, outcome.out.splitlines()[0]) == (
        2,
        "✖ RETENTION_DAYS: неверное значение, нужно целое число от 7 до 3650",
    )
    assert "скоро" not in said(outcome)

    # Something was started here: what is absent now will not come by itself.
    (product.state / "secrets/product").mkdir(parents=True, exist_ok=True)
    product.settings["DATABASE_URL_FILE"] = str(product.state / "secrets/product/database_url")
    outcome = product.run("validate-config")
    assert "✖ DATABASE_URL_FILE: неверное значение" in outcome.out
    assert "Файл с паролем не прочесть: " in outcome.out


def test_folders_that_would_keep_it_from_starting_are_named_and_absent_ones_are_not(product: Product) -> None:
    if os.geteuid() == 0:
        product.through = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--")
    product.settings |= {"DATABASE_URL": "postgresql://bot:pw@db/vox", "MINIO_ENDPOINT": "objects:8333"}
    product.settings |= {"MINIO_ACCESS_KEY": "key", "MINIO_SECRET_KEY": "pw"}
    (product.state / "logs").mkdir(mode=0o500)
    (product.state / "spool").touch()
    (product.state / "run").symlink_to("/nowhere")
    outcome = product.run("validate-config", "--worker")
    told = [line for line in outcome.out.splitlines() if str(product.state) in line]
    assert [line[:2] for line in told] == ["✖ "] * 3
    assert told[0].startswith(f"✖ В папку {product.state}/logs нельзя писать. Поправьте её владельца и права")
    assert [line.split(":")[0] for line in told[1:]] == [f"✖ {product.state}/{name}" for name in ("spool", "run")]
    assert (outcome.status, outcome.out.splitlines()[-1]) == (2, "Нужно поправить 3 папки.")

    product.settings["PERSISTENT_DIR"] = f"{product.state}/logs/below"
    outcome = product.run("validate-config", "--worker")
    assert f"✖ Папки {product.state}/logs/below нет, и создать её нельзя: в папку" in outcome.out


def test_settings_of_a_worker_are_good(product: Product) -> None:
    product.settings |= {"DATABASE_URL": "postgresql://bot:pw@db/vox", "MINIO_ENDPOINT": "objects:8333"}
    product.settings |= {"MINIO_ACCESS_KEY": "key", "MINIO_SECRET_KEY": "pw"}
    outcome = product.run("validate-config", "--worker")
    assert (outcome.status, outcome.out.splitlines()[-1]) == (0, "Настройки в порядке.")


def test_production_does_not_start_with_a_default_password(product: Product) -> None:
    product.settings |= {"PRODUCTION": "true", "LLM_ENGINE": "none"}
    product.settings["DATABASE_URL"] = "postgresql://bot:changeme@127.0.0.1:1/vox"
    for command in ([], ["worker"]):
        outcome = product.run(*command)
        assert (outcome.status, "Неверные настройки: DATABASE_URL." in outcome.said) == (2, True)


def test_migrations_are_applied_once_and_a_database_of_tomorrow_is_refused(
    product: Product, empty_database_url: str
) -> None:
    product.settings["DATABASE_URL"] = empty_database_url
    outcome = product.run("migrate")
    assert outcome.status == 0
    assert "✔ 0001.recordings-and-reports\n" in outcome.out
    assert outcome.out.endswith("База данных обновлена.\n")
    outcome = product.run("migrate")
    assert (outcome.status, outcome.out) == (0, "База данных уже обновлена.\n")
    with psycopg.connect(empty_database_url) as connection:
        connection.execute(FUTURE)
    outcome = product.run("migrate")
    assert (outcome.status, outcome.out) == (3, "")
    assert "её уже обновила более новая версия программы (здесь не знают: 9999.of-tomorrow)" in outcome.said


def test_health_says_when_nobody_answers(product: Product) -> None:
    product.settings["HTTP_PORT"] = str(free_ports(1)[0])
    outcome = product.run("health")
    assert outcome.status == 1
    assert "никто не отвечает" in outcome.out


@pytest.mark.parametrize("given", ["DATABASE_URL", "MINIO_ENDPOINT"])
def test_a_worker_alone_starts_nothing_and_says_what_it_needs(product: Product, given: str) -> None:
    product.settings[given] = "127.0.0.1:1"
    [missing] = {"DATABASE_URL", "MINIO_ENDPOINT"} - {given}
    outcome = product.run("worker")
    assert outcome.status == 2
    assert "Рабочему процессу не с кем работать" in outcome.said
    assert missing in outcome.said
    assert given not in outcome.said
    assert {path.name for path in product.state.iterdir()} <= {"logs", "models"}


def test_a_process_that_needs_no_bot_says_before_it_starts_that_it_needs_something_to_share(product: Product) -> None:
    product.settings["TELEGRAM_REQUIRED"] = "false"
    outcome = product.run()
    assert (outcome.status, outcome.out) == (2, "")
    assert "нет TELEGRAM_BOT_TOKEN" in outcome.said
    assert "(нет: DATABASE_URL, MINIO_ENDPOINT)" in outcome.said
    assert {path.name for path in product.state.iterdir()} <= {"logs", "models"}
    outcome = product.run("validate-config")
    assert (outcome.status, "✖ DATABASE_URL: не указано" in outcome.out) == (2, True)
    assert "• Telegram: выключен, нет TELEGRAM_BOT_TOKEN" in outcome.out


@pytest.fixture
def shared(product: Product, database_url: str, s3_endpoint: S3Endpoint) -> Iterator[psycopg.Connection[TupleRow]]:
    """The database of an installation in which a worker can work, with a job that waits."""
    settings = {"DATABASE_URL": database_url, "LLM_ENGINE": "none", "EMBEDDINGS_ENGINE": "off"}
    product.settings |= {**settings, **bucket_settings(s3_endpoint, f"idle-{uuid4().hex}")}
    assert product.run("migrate").status == 0
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(JOB)
        yield connection


@pytest.mark.parametrize(("options", "left"), [(("--idle",), "todo"), ((), "failed")])
def test_a_worker_that_is_idle_is_ready_and_takes_no_jobs(
    product: Product, shared: psycopg.Connection[TupleRow], options: tuple[str, ...], left: str
) -> None:
    product.settings["HTTP_PORT"] = str(free_ports(1)[0])
    with product.started("worker", *options):
        ends = time.monotonic() + 60
        while product.run("health").status and time.monotonic() < ends:
            time.sleep(0.5)
        product.settings["TELEGRAM_REQUIRED"] = "false"
        outcome = product.run("health")
        assert (outcome.status, "Telegram: выключен, нет TELEGRAM_BOT_TOKEN" in outcome.out) == (0, True)
        while status_of_the_job(shared) != left and time.monotonic() < ends:
            time.sleep(0.1)
        assert status_of_the_job(shared) == left


def status_of_the_job(connection: psycopg.Connection[TupleRow]) -> str:
    [(status,)] = connection.execute("SELECT status::text FROM procrastinate_jobs").fetchall()
    return str(status)


COMMANDS = [[], ["doctor"], ["health"], ["validate-config"], ["worker"], ["migrate"], ["process", "x.ogg"]]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command) or "the bot")
def test_every_command_refuses_an_env_file_that_cannot_be_read_in_one_sentence(
    product: Product, tmp_path: Path, command: list[str]
) -> None:
    product.checkout = checkout_with(b"TELEGRAM_BOT_TOKEN=1:hush\n# \xea\n", tmp_path / "checkout")
    outcome = product.run(*command)
    assert outcome.status == 2
    assert "файл .env не в кодировке UTF-8 (строка 2)" in outcome.said
    assert len(said(outcome).splitlines()) == 1


def test_what_nobody_foresaw_before_the_log_is_open_shows_no_values(product: Product, tmp_path: Path) -> None:
    product.checkout = checkout_with(b"TELEGRAM_BOT_TOKEN=1:hush\n", tmp_path / "checkout")
    settings = product.checkout / "src" / "config.py"
    broken = 'def read_settings() -> None:\n    token = "1:hush"\n    raise KeyError(len(token))\n\n\ndef _unused'
    settings.write_text(settings.read_text(encoding="utf-8").replace("def read_settings", broken), encoding="utf-8")
    outcome = product.run("health")
    assert outcome.status == 1
    assert "KeyError: 6" in outcome.said
    assert len(outcome.said.splitlines()) == 2
    assert 'token = "1:hush"' not in outcome.said


def test_an_env_file_that_others_may_read_is_told_and_in_production_refused(product: Product, tmp_path: Path) -> None:
    product.checkout = checkout_with(b"LLM_ENGINE=none\n", tmp_path / "checkout", mode=0o644)
    product.settings |= {"DATABASE_URL": "postgresql://bot:pw@127.0.0.1:1/vox", "MINIO_ENDPOINT": "127.0.0.1:1"}
    product.settings |= {"MINIO_ACCESS_KEY": "key", "MINIO_SECRET_KEY": "long-and-random"}
    told = "⚠ Файл .env могут читать другие пользователи этой машины: chmod 600 .env"
    outcome = product.run("validate-config", "--worker")
    assert (outcome.status, told in outcome.out) == (0, True)
    with product.started("worker") as worker:  # it waits for its database
        assert worker.stderr is not None
        assert any(told in line for line in worker.stderr)
    assert "chmod 600 .env" in " ".join(product.run("doctor").out.split())
    product.settings["PRODUCTION"] = "true"
    outcome = product.run("validate-config", "--worker")
    assert (outcome.status, "при PRODUCTION=true так нельзя: chmod 600 .env" in outcome.out) == (2, True)
    outcome = product.run("worker")
    assert (outcome.status, "Закройте его и повторите: chmod 600 .env" in outcome.said) == (2, True)
    (product.checkout / ".env").chmod(0o600)
    assert product.run("validate-config", "--worker").status == 0
