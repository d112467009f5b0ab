"""The log is a file of JSON lines that is rotated and does not grow without end."""

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import openai
import psycopg
import pytest
import structlog
from pydantic import BaseModel

import log_setup
from log_setup import configure_logging


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    root = logging.getLogger()
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
    assert json.loads(line) | {"timestamp": ""} == {
        "event": "state_unreadable",
        "fields": ["зона"],
        "level": "info",
        "logger": "test",
        "timestamp": "",
        "update": "1a2b",
    }


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
