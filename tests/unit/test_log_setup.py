"""The log is a file of JSON lines that is rotated and does not grow without end."""

import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import httpx2
import openai
import psycopg
import pytest
import structlog
from pydantic import BaseModel, SecretStr

import log_setup
from cli.running import open_logs
from config import Settings
from log_setup import configure_logging, hide, log_to_standard_error


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    root = logging.getLogger()
    monkeypatch.setattr(log_setup, "_SECRETS", log_setup._Secrets())
    handlers, level, raising = root.handlers[:], root.level, logging.raiseExceptions
    yield tmp_path / "logs"
    for handler in set(root.handlers) - set(handlers):
        handler.close()
    root.handlers, logging.raiseExceptions = handlers, raising
    root.setLevel(level)
    structlog.reset_defaults()


INPUT = '{"number": "тайна двух гостей"}'


class Row(BaseModel):
    number: int


def fails_in_the_database() -> None:
    class Refused(psycopg.errors.UniqueViolation):
        def __str__(self) -> str:
            return "duplicate key value\nDETAIL:  Key (title)=(Тайна\nдвух гостей) already exists."

    raise Refused


def fails_in_a_model() -> None:
    Row.model_validate_json(INPUT)


def fails_at_a_provider() -> None:
    response = httpx2.Response(400, request=httpx2.Request("POST", "http://localhost/v1"))
    raise openai.BadRequestError(f"Cannot answer:\n{INPUT}", response=response, body=None)


def fails_in_a_group() -> None:
    try:
        fails_in_a_model()
    except ValueError as exc:
        raise ExceptionGroup("tasks", [exc, RuntimeError("something else")]) from None


def fails_and_fails_again() -> None:
    try:
        fails_in_the_database()
    except psycopg.Error as exc:
        raise RuntimeError("afterwards") from exc


@pytest.mark.parametrize(
    ("fails", "says"),
    [
        (fails_in_the_database, "SQLSTATE 23505"),
        (fails_in_a_model, "number: int_parsing"),
        (fails_at_a_provider, "status 400"),
        (fails_in_a_group, "something else"),
        (fails_and_fails_again, "afterwards"),
    ],
)
def test_a_traceback_says_what_failed_and_quotes_no_data(folder: Path, fails: Callable[[], None], says: str) -> None:
    configure_logging(folder, "INFO", console=False)
    try:
        fails()
    except Exception:  # noqa: BLE001 - whatever it is
        structlog.stdlib.get_logger("test").exception("update_failed")
    line = json.loads((folder / "app.json.log").read_text(encoding="utf-8"))
    assert says in line["exception"]
    assert fails.__name__ in line["exception"]
    assert "гостей" not in line["exception"]


def test_five_full_files_are_kept_beside_the_one_that_is_written(folder: Path) -> None:
    configure_logging(folder, "INFO", console=False)
    for number in range(7):
        logging.getLogger("test").info("%d%s", number, "x" * 10_000_000)
    names = ["app.json.log", *(f"app.json.log.{number}" for number in range(1, 6))]
    assert sorted(path.name for path in folder.iterdir()) == names
    assert json.loads((folder / "app.json.log").read_text())["event"].startswith("6")
    assert json.loads((folder / "app.json.log.5").read_text())["event"].startswith("1")


def test_a_line_is_json_with_what_was_bound_and_cyrillic_as_it_is(folder: Path) -> None:
    configure_logging(folder, "INFO", console=False)
    with structlog.contextvars.bound_contextvars(update="1a2b"):
        structlog.stdlib.get_logger("test").info("state_unreadable", fields=["зона"])
    line = (folder / "app.json.log").read_text(encoding="utf-8")
    assert "зона" in line
    assert json.loads(line) | {"timestamp": "", "run": ""} == {
        "event": "state_unreadable",
        "fields": ["зона"],
        "level": "info",
        "logger": "test",
        "run": "",
        "timestamp": "",
        "update": "1a2b",
    }


def test_a_line_from_before_the_log_is_open_has_an_id_too(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log_to_standard_error()
    structlog.get_logger("test").info("begins", folder=str(folder))
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], len(line["run"])) == ("begins", 8)


def test_several_processes_rotate_one_file_together(folder: Path) -> None:
    folder.mkdir()
    path = folder / "app.json.log"
    writers = [log_setup._SharedFile(path, maxBytes=1000, backupCount=5, encoding="utf-8") for _ in range(3)]
    for number in range(60):
        line = f"{number:03} {'x' * 46}"
        writers[number % 3].emit(logging.LogRecord("a", logging.INFO, "", 0, line, None, None))
    for writer in writers:
        writer.close()
    files = [path, *(folder / f"app.json.log.{age}" for age in range(1, 6))]
    found = [line.split()[0] for file in reversed(files) if file.exists() for line in file.read_text().splitlines()]
    assert found == [f"{number:03}" for number in range(60)]
    assert max(file.stat().st_size for file in files if file.exists()) <= 1000
    assert {file.name for file in folder.iterdir()} == {file.name for file in files if file.exists()}
    assert sum(file.exists() for file in files) <= 4


FILLS_UP = """
import logging, resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from log_setup import configure_logging
configure_logging(Path(sys.argv[2]), "INFO", console=False)
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
for number in range(50):
    logging.getLogger("test").info("%d%s", number, "x" * 300)
"""


def test_what_a_full_disk_cuts_off_leaves_no_half_line(folder: Path) -> None:
    source = str(Path(log_setup.__file__).parent)
    subprocess.run([sys.executable, "-c", FILLS_UP, source, str(folder)], check=True)
    lines = (folder / "app.json.log").read_bytes().splitlines(keepends=True)
    assert 5 < len(lines) < 50
    assert all(line.endswith(b"}\n") and json.loads(line) for line in lines)


URL = "postgresql://bot:p%40ss-word@db.local/voxpersona?password=an%20other-word"
SECRETS = {
    "database_url": URL,
    "minio_access_key": "an-access-key",
    "telegram_bot_token": "123456789:AAbb-Cc_dd",
    "telegram_api_hash": "0123456789abcdef0123456789abcdef",
    "backup_repository": "rest:https://user:тайна-копий@backup.local/",
    "telegram_proxy": "tg://proxy?server=proxy.local&port=443&secret=00112233445566778899aabbccddeeff",
    "http_token": 'quoted-"token"-\\-of-ours',
}


def settings_with_secrets(folder: Path) -> Settings:
    """Settings in which every secret one has a value that is found in no other text."""
    fields = Settings.model_fields.items()
    others = {name: f"sk-of-{name}-only" for name, field in fields if "SecretStr" in str(field.annotation)}
    return Settings.model_validate({"persistent_dir": folder.parent} | others | SECRETS)


def plain_secrets(settings: Settings) -> list[str]:
    found = [getattr(settings, name) for name in Settings.model_fields]
    values = [each.get_secret_value() for each in found if isinstance(each, SecretStr)]
    return [
        *values,
        "an-access-key",
        "p%40ss-word",
        "p@ss-word",
        "an%20other-word",
        "an other-word",
        "00112233445566778899aabbccddeeff",
    ]


def test_a_hundred_megabytes_leave_six_files_of_lines_with_an_id_and_no_secret(folder: Path) -> None:
    settings = settings_with_secrets(folder)
    open_logs(settings, console=False)
    secrets = plain_secrets(settings)
    assert len(secrets) == 20
    ours, foreign = structlog.stdlib.get_logger("ours"), logging.getLogger("foreign")
    filling = "гости и x" * 4000
    written = number = 0
    while written < 100_000_000:
        secret = secrets[number % len(secrets)]
        ours.info("of_nothing", number=number, filling=filling, details={"reason": [secret, Path(secret)]})
        with structlog.contextvars.bound_contextvars(update="1a2b3c4d"):
            ours.warning(
                "of_an_update", number=number, filling=filling, url=f"/bot{quote(secret, safe='')}/getMe", secret=secret
            )
        foreign.error("%s says\n%s: %s", "a library", secret, filling)
        error = RuntimeError(f"Cannot connect to {secret} {filling}")
        ours.error("failed", number=number, exc_info=error)
        number, written = number + 1, written + 4 * len(filling.encode())
    files = sorted(folder.iterdir())
    assert [path.name for path in files] == ["app.json.log", *(f"app.json.log.{age}" for age in range(1, 6))]
    assert max(path.stat().st_size for path in files) <= 10 * 1024 * 1024
    assert min(path.stat().st_size for path in files[1:]) >= 9_500_000
    texts = [path.read_text(encoding="utf-8") for path in files]
    for secret in secrets:
        forms = (secret, repr(secret)[1:-1], quote(secret, safe=""))
        assert not any(json.dumps(form, ensure_ascii=False)[1:-1] in text for text in texts for form in forms), secret
    lines = [json.loads(line) for text in texts for line in text.splitlines()]
    assert {line["event"].split()[0] for line in lines} == {"of_nothing", "of_an_update", "a", "failed"}
    [run] = {line["run"] for line in lines}
    assert len(run) == 8
    assert all(line["update"] == "1a2b3c4d" for line in lines if line["event"] == "of_an_update")
    assert all(str(line).count("[secret]") >= 1 for line in lines)


def test_a_line_that_is_no_text_of_the_world_is_written_all_the_same(folder: Path) -> None:
    configure_logging(folder, "INFO", console=False)
    structlog.stdlib.get_logger("test").info("odd", name=b"\xff".decode(errors="surrogateescape"))
    assert json.loads((folder / "app.json.log").read_text(encoding="utf-8"))["name"] == "\udcff"


def test_a_password_of_a_connection_string_is_hidden_and_a_tiny_one_takes_no_words_away(folder: Path) -> None:
    configure_logging(folder, "INFO", console=False)
    hide("host=db.local password='in libpq\\'s form'", "on")
    structlog.stdlib.get_logger("test").info("connection", seen="in libpq's form", number=3, at=None)
    line = json.loads((folder / "app.json.log").read_text(encoding="utf-8"))
    assert (line["event"], line["seen"], line["number"], line["at"]) == ("connection", "[secret]", 3, None)
