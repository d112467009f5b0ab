"""The display shows work and never ends it, whatever becomes of standard error."""

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TextIO

import pytest

from cli.display import Display


def without_a_reader() -> TextIO:
    """A pipe as ``| head`` leaves it."""
    reader, writer = os.pipe()
    os.close(reader)
    return os.fdopen(writer, "w", buffering=1, encoding="utf-8")


def on_a_full_disk() -> TextIO:
    return os.fdopen(os.open("/dev/full", os.O_WRONLY), "w", buffering=1, encoding="utf-8")


@pytest.mark.parametrize("broken", [without_a_reader, on_a_full_disk])
def test_what_cannot_be_shown_ends_nothing_and_leaves_standard_output_alone(
    broken: Callable[[], TextIO], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = broken()
    monkeypatch.setattr(sys, "stderr", stream)
    with Display() as display:
        display.say("Начинаю")
        display.show("a.ogg", "Расшифровка", 0.5)
        display.advance("some", 50, 100)
        display.finish("a.ogg")
    os.write(1, b"the result")
    assert capfd.readouterr().out == "the result"
    with suppress(OSError):
        stream.close()


def test_a_terminal_that_is_closed_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    window, terminal = os.openpty()
    stream = os.fdopen(terminal, "w", buffering=1, encoding="utf-8")
    monkeypatch.setattr(sys, "stderr", stream)
    with Display() as display:
        display.show("a.ogg", "Расшифровка", 0.5)
        os.close(window)
        display.say("Эта запись уже есть")
        display.show("b.ogg", "Расшифровка", None)
        display.advance("some", 50, 100)
        display.advance("some", 100, 100)
        display.finish("a.ogg")
    with suppress(OSError):
        stream.close()
