"""What the image's HEALTHCHECK says about what answers at the bot's address."""

import json
import os
import subprocess
from collections.abc import Iterator

import pytest

from config import ROOT
from ready_server import Answering, answering

NOT_READY = json.dumps({"status": "not_ready", "parts": {"database": {"state": "down"}}})


@pytest.fixture
def port() -> Iterator[int]:
    with answering() as port:
        yield port


def check(**settings: str) -> tuple[int, str]:
    done = subprocess.run(
        [ROOT / "scripts" / "health-check"],
        env={"PATH": os.environ["PATH"], "http_proxy": "http://127.0.0.1:9", **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return done.returncode, done.stdout.strip()


@pytest.mark.parametrize("host", ["", "127.0.0.1", "0.0.0.0", "localhost"])  # noqa: S104  # where the bot listens
def test_a_bot_that_is_ready_is_healthy_wherever_it_listens(port: int, host: str) -> None:
    assert check(HTTP_HOST=host, HTTP_PORT=str(port)) == (0, "Готов: database: ok, asr: degraded.")


def test_a_bot_that_is_not_ready_is_not(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Answering, "status", 503)
    monkeypatch.setattr(Answering, "body", NOT_READY)
    assert check(HTTP_PORT=str(port)) == (1, "Не готов: database: down.")


@pytest.mark.parametrize("body", ["", "hello", "[]", '{"parts": [1]}'])
def test_what_is_no_bot_is_not(port: int, body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Answering, "body", body)
    assert check(HTTP_PORT=str(port)) == (1, "На этом порту отвечает не бот.")


def test_where_nobody_answers_the_bot_is_not() -> None:
    status, told = check(HTTP_PORT="9")
    assert status == 1
    assert told.startswith("Бот не отвечает")


def test_without_http_there_is_nothing_to_ask() -> None:
    assert check(HTTP_PORT="0")[0] == 0
