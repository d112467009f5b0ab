"""Arguments are read as the help says, and mistakes in them are told in Russian."""

import json
import os
import re
import signal
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import click
import pytest

import cli.commands
from config import ROOT
from errors import EngineFailed


def options_of(*arguments: str) -> dict[str, Any]:
    """What ``process`` makes of its arguments."""
    return cli.commands.commands.commands["process"].make_context("process", list(arguments)).params


def said_to(
    *arguments: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[int, str, str]:
    """Exit status, standard output and standard error of a command that ends while it is parsed."""
    monkeypatch.setattr(sys, "argv", ["main.py", *arguments])
    status: int | str | None = 0
    try:
        cli.commands.main()
    except SystemExit as exc:
        status = exc.code
    assert isinstance(status, int)
    printed = capsys.readouterr()
    return status, printed.out, printed.err


def test_defaults_are_what_the_help_says() -> None:
    options = options_of("a.ogg")
    expected = {"scenario": "interview", "report": "all", "language": "auto", "out": Path("out"), "as_json": False}
    assert {name: options[name] for name in expected} == expected
    assert options["building"] is options["speakers"] is None
    help_texts = " ".join(
        getattr(each, "help", None) or "" for each in cli.commands.commands.commands["process"].params
    )
    assert {str(expected[name]) for name in ("scenario", "report", "language", "out")} <= set(
        re.findall(r"По умолчанию (\S+)\.", help_texts)
    )


def test_several_files_and_every_option_are_read() -> None:
    options = options_of(
        *("a.ogg", "--scenario", "design", "--building", "spa", "--report", "x,y", "--language", "en"),
        *("--speakers", "3", "--caption", "17\n2026.11.03", "--out", "куда", "--json", "--", "-b.ogg"),
    )
    assert options["files"] == (Path("a.ogg"), Path("-b.ogg"))
    assert (options["speakers"], options["out"], options["as_json"]) == (3, Path("куда"), True)
    assert options["caption"] == "17\n2026.11.03"


MISTAKES = {
    "an unknown option": (("process", "--colour", "a.ogg"), "нет параметра «--colour»"),
    "an option misspelt": (("process", "--spakers", "2", "a.ogg"), "может быть, --speakers?"),
    "an unknown letter": (("-x",), "нет параметра «-x»"),
    "an unknown command": (("procss",), "нет команды «procss» (может быть, process, across?)"),
    "no value": (("process", "a.ogg", "--out"), "после --out нужно значение"),
    "a value of a flag": (("process", "--json=yes", "a.ogg"), "--json пишут без значения"),
    "no number": (
        ("process", "--speakers", "два", "a.ogg"),
        "--speakers: «два» не подходит, нужно целое число от 1 до 20",
    ),
    "nobody speaks": (("process", "--speakers", "0", "a.ogg"), "«0» не подходит"),
    "a crowd": (("process", "--speakers", "21", "a.ogg"), "не подходит"),
    "no question": (("research", " "), "не указан вопрос"),
    "no day": (("research", "Что?", "--since", "вчера"), "«вчера» — не день, нужен вид 2026-11-03"),
    "no file": (("process",), "не указан ни один файл"),
    "a word too many": (("demo", "a.ogg"), "лишнее слово «a.ogg»"),
    "no file to export to": (("answers", "export"), "не хватает слова на месте ФАЙЛ"),
    "a word too many for the doctor": (("doctor", "a", "b"), "лишнее слово «a b»"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_in_russian_with_a_way_to_the_help(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments, reason = MISTAKES[name]
    status, out, said = said_to(*arguments, monkeypatch=monkeypatch, capsys=capsys)
    assert (status, out) == (2, "")
    assert reason in said
    assert said.endswith("Справка: scripts/run --help\n")
    foreign = set(re.findall(r"[A-Za-z]{2,}", said.replace("scripts/run --help", "")))
    assert foreign <= set(re.findall(r"[A-Za-z]+", " ".join(arguments))) | {"process", "across", "speakers", "out"}


@pytest.mark.parametrize(
    ("arguments", "wrong", "allowed"),
    [
        (("--language", "русский", "a.ogg"), "русский", "ru, en, uk"),
        (("--building", "замок", "a.ogg"), "замок", "hotel, restaurant, spa"),
    ],
)
def test_an_unknown_choice_names_those_there_are(
    arguments: tuple[str, ...],
    wrong: str,
    allowed: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    status, _, said = said_to("process", *arguments, monkeypatch=monkeypatch, capsys=capsys)
    assert status == 2
    assert f"«{wrong}»" in said
    assert allowed in said


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("process", "--help"),
        ("demo", "--help"),
        ("doctor", "--help"),
        ("answers", "--help"),
        ("answers", "export", "--help"),
        ("answers", "check", "--help"),
        ("audit", "--help"),
        ("documents", "--help"),
        ("documents", "add", "--help"),
        ("documents", "remove", "--help"),
        ("models", "--help"),
        ("models", "list", "--help"),
        ("models", "fetch", "--help"),
        ("models", "verify", "--help"),
        ("models", "remove", "--help"),
    ],
)
def test_the_help_is_in_russian(
    arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, help_text, _ = said_to(*arguments, monkeypatch=monkeypatch, capsys=capsys)
    assert status == 0
    assert help_text.startswith("Как вызвать: scripts/run")
    assert "Показать эту справку" in help_text
    assert not re.search(r"\b(Usage|Options|Commands|Show|TEXT|PATH|INTEGER|FILES|default)\b|[{}]", help_text)


def test_every_option_is_explained() -> None:
    listed = list(cli.commands.commands.commands.values())
    groups = [command for command in listed if isinstance(command, click.Group)]
    for command in [*listed, *(each for group in groups for each in group.commands.values())]:
        for parameter in command.params:
            assert getattr(parameter, "help", None) or parameter.metavar, parameter.name


def test_the_version_is_that_of_the_project_and_of_the_newest_changes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, _ = said_to("--version", monkeypatch=monkeypatch, capsys=capsys)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    released = re.findall(r"^## (\d+\.\d+\.\d+)\b", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert (status, out) == (0, f"VoxPersona {project['version']}\n")
    assert released[0] == project["version"]


ENDS = {
    "a mistake": ("process", "--colour"),
    "nothing to do": ("process", "--report", "none", "--out", "/dev/null/out", "a.ogg"),
}
"""Commands that end with status 2, while they are parsed and while they show what they do."""


@pytest.mark.parametrize("name", ENDS)
@pytest.mark.parametrize("stderr", ["has no reader", "is full", "is closed"])
def test_a_command_ends_with_its_own_status_when_nobody_can_be_told(stderr: str, name: str, tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    ways = {"has no reader": f"2>&{writer}", "is full": "2>/dev/full", "is closed": "2>&-"}
    done = subprocess.run(
        ["bash", "-c", f'"$@" {ways[stderr]}', "bash", sys.executable, str(ROOT / "src" / "main.py"), *ENDS[name]],
        env={"PATH": os.environ["PATH"], "PERSISTENT_DIR": str(tmp_path)},
        pass_fds=[writer],
        stdout=subprocess.PIPE,
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stdout) == (2, b"")


WAITING = """
import asyncio, signal, sys
signal.signal(signal.SIGHUP, getattr(signal, sys.argv[1]))
from cli.running import open_closed_streams, run_command
open_closed_streams()
async def wait():
    try:
        print("ready", flush=True)
        await asyncio.sleep(0.5 if sys.argv[1] == "SIG_IGN" else 60)
        print("went on ✔", flush=True)
    finally:
        print("cleaned up", flush=True)
    return 0
run_command(wait)
"""
"""A command that waits; in an encoding without «✔»."""


@pytest.mark.parametrize(("before", "status", "end"), [("SIG_DFL", 130, ""), ("SIG_IGN", 0, "went on ?\n")])
def test_a_terminal_that_is_gone_stops_a_command_unless_that_is_ignored(
    before: str, status: int, end: str, tmp_path: Path
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WAITING, before],
        cwd=ROOT / "src",
        env={"PATH": os.environ["PATH"], "PERSISTENT_DIR": str(tmp_path), "PYTHONIOENCODING": "koi8-r"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGHUP)
        out, said = process.communicate()
    assert (process.returncode, out.decode("koi8-r")) == (status, end + "cleaned up\n")
    assert ("Остановлено" in said.decode("koi8-r")) is (status != 0)


def test_the_reason_of_an_error_that_ends_a_command_is_in_the_log(tmp_path: Path) -> None:
    script = (
        "from cli.running import run_command\nfrom errors import EngineFailed\n"
        "async def fail():\n    raise EngineFailed(engine='postgres', reason='no space for locks')\n"
        "run_command(fail)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT / "src",
        env={"PATH": os.environ["PATH"], "PERSISTENT_DIR": str(tmp_path)},
        capture_output=True,
        check=False,
    )
    assert done.returncode != 0
    (line,) = (tmp_path / "logs" / "app.json.log").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["error"] == "engine_failed"
    assert "no space for locks" in json.loads(line)["reason"]


def test_an_engine_s_failure_is_told_in_its_own_words() -> None:
    assert "no space for locks" in EngineFailed(engine="postgres", reason="no space for locks").user_text
