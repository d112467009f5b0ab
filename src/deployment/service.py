"""The running product: whether it is ready, whether it stays well, and its replacement by another image."""

import contextlib
import json
import re
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import texts.deploy
import texts.operation
from deployment.commands import last_line
from deployment.engine import IMAGE, PRODUCT, Container, Engine
from deployment.reports import named
from errors_of_operation import CommandFailed, DeploymentStopped, VersionUnfit

_BOT = PRODUCT[0]
_PROBE = Path(__file__).with_name("probe.py")
PATIENT_S = 120
"""Seconds for what nobody waits for, as the canary, and for the former version, of which it is known that it works."""
_POLL_S = 1.0
_WATCH_POLL_S = 3.0
_CONNECT_S = 3
_LOG_LINES = "40"
_NOTED_LATE_S = 10
_BAD = ("error", "critical")
_PORT_TAKEN = re.compile(
    r"(?:[\d.]+|\[[\da-f:]+\]):(\d+)\b[^\n]*(?:address already in use|port is already allocated)", re.IGNORECASE
)
_UNFORESEEN = "unexpected_failure"


@dataclass(frozen=True)
class Limits:
    """How long a version may take to be ready, and what is borne while it is watched. Times are in seconds."""

    ready_s: int = 30
    watch_s: int = 300
    errors: int = 5
    """How many lines of the log may tell of something that nobody foresaw."""


class Service:
    """The product on this server."""

    def __init__(self, engine: Engine, limits: Limits) -> None:
        self._engine = engine
        self._limits = limits
        self._restarts: dict[str, int] = {}
        """How often containers had been started again before anything was replaced, by their ids."""

    def running(self) -> list[Container]:
        """Return the containers that run the product."""
        return self._engine.containers()

    def wait_until_ready(self, find: Callable[[], list[Container]], limit_s: int | None = None) -> None:
        """Wait until all of these containers are ready; without ``limit_s`` for as long as people may be kept waiting.

        Raises:
            VersionUnfit: they are not within the limit, or one of them ended or was started again.
        """
        seconds = limit_s or self._limits.ready_s
        ends = time.monotonic() + seconds
        while True:
            found = find()
            self._require_no_restart(found)
            answers = [self._asked(each.name) for each in found]
            if found and all(answer and answer["ready"] for answer in answers):
                return
            if time.monotonic() > ends:
                parts = "; ".join(sorted({_trouble(answer) for answer in answers if not (answer and answer["ready"])}))
                for each in found:
                    self._engine.log_of(each.name, lines=_LOG_LINES)  # for the log of the deploy
                raise VersionUnfit(
                    what=texts.deploy.NOT_READY.format(seconds=seconds, parts=parts or texts.deploy.NO_ANSWER)
                )
            time.sleep(_POLL_S)

    def trouble(self) -> str:
        """Return what is wrong with the version that runs, as the end of a sentence about it; "" when it is ready."""
        try:
            found = self.running()
        except (CommandFailed, DeploymentStopped):
            return texts.deploy.UNKNOWN_STATE
        if not any(each.service == _BOT for each in found):
            return texts.deploy.RUNS_NOT
        if crashing := next((each for each in found if not each.running), None):
            return texts.deploy.CRASHES.format(service=crashing.service)
        answers = [self._asked(each.name) for each in found]
        parts = sorted({_trouble(answer) for answer in answers if not (answer and answer["ready"])})
        return texts.deploy.NOT_READY_NOW.format(parts="; ".join(parts)) if parts else ""

    def require_commit(self, commit: str) -> None:
        """Require that the bot answers, here and at the port of the server, and is of this commit.

        Raises:
            VersionUnfit: another version answers, or none does.
        """
        [bot] = self._engine.containers(_BOT)
        answer = self._asked(bot.name)
        if answer is None:
            raise VersionUnfit(what=texts.deploy.NO_ANSWER)
        if answer["commit"] != commit:
            found = named(answer["commit"] or "")
            raise VersionUnfit(what=texts.deploy.WRONG_COMMIT.format(found=found, wanted=named(commit)))
        for line in self._engine.docker("port", bot.name).splitlines():
            host, _, port = line.rpartition(" ")[2].rpartition(":")
            try:
                socket.create_connection((host.strip("[]"), int(port)), _CONNECT_S).close()
            except OSError as exc:
                raise VersionUnfit(what=texts.deploy.PORT_SILENT.format(host=host, port=port)) from exc

    def watch(self) -> None:
        """Watch what was started for as long as the limits say.

        Raises:
            VersionUnfit: it was started again, is not ready for longer than that may take, or writes many errors.
        """
        ends = time.monotonic() + self._limits.watch_s
        ready_at = time.monotonic()
        while time.monotonic() < ends:
            found = self.running()
            self._require_no_restart(found)
            self._require_few_errors(found)
            answers = [self._asked(each.name) for each in found]
            if found and all(answer and answer["ready"] for answer in answers):
                ready_at = time.monotonic()
            elif time.monotonic() - ready_at > self._limits.ready_s:
                parts = "; ".join(sorted({_trouble(answer) for answer in answers if not (answer and answer["ready"])}))
                raise VersionUnfit(what=texts.deploy.NOT_READY_IN_WATCH.format(parts=parts or texts.deploy.NO_ANSWER))
            time.sleep(_WATCH_POLL_S)

    def replace(self, image: str, workers: int | None, *, alone: bool) -> None:
        """Make ``image`` the one that the project's name means, and start it in the place of what runs.

        Raises:
            VersionUnfit: Compose cannot start it.
        """
        # What is the same afterwards stays, with all that has happened to it before.
        with contextlib.suppress(CommandFailed, DeploymentStopped):
            self._restarts = {each.id: each.restarts for each in self.running()}
        self._engine.tag(image, f"{IMAGE}:latest")
        try:
            self._engine.start(workers, alone=alone)
        except CommandFailed as exc:
            raise VersionUnfit(what=_why_not_started(exc)) from exc

    def canary(self, name: str) -> list[Container]:
        """Return the container of this name as something that may be waited for; nothing when it has gone."""
        try:
            return self._engine.inspected(name)
        except CommandFailed:
            return []

    def _asked(self, container: str) -> dict[str, Any] | None:
        program = _PROBE.read_text(encoding="utf-8")
        # A container that has just ended has nothing to ask.
        with contextlib.suppress(CommandFailed, ValueError):
            found: dict[str, Any] | None = json.loads(
                self._engine.docker("exec", "--interactive", container, "python", "-", given=program, limit_s=30)
            )
            return found
        return None

    def _require_no_restart(self, containers: list[Container]) -> None:
        for each in containers:
            if each.restarts > self._restarts.get(each.id, 0) or not each.running:
                lines = self._engine.log_of(each.name, lines=_LOG_LINES)
                said = [_message(line) for line in [line for line in lines if _is_of_an_end(line)] or lines]
                reason = last_line("\n".join(said)) or texts.deploy.LOG_EMPTY
                code = texts.deploy.EXIT_CODE.format(code=each.exit_code) if each.exit_code else ""
                raise VersionUnfit(what=texts.deploy.RESTARTS.format(name=each.name, code=code, reason=reason))

    def _require_few_errors(self, containers: list[Container]) -> None:
        written = (
            self._engine.log_of(each.name, since=_just_before(each.started), is_polled=True) for each in containers
        )
        bad = [line for lines in written for line in lines if _is_bad(line)]
        if len(bad) > self._limits.errors:
            most, reason = self._limits.errors, _message(bad[-1])
            told = texts.deploy.MANY_ERRORS.format(count=len(bad), most=most, reason=reason)
            raise VersionUnfit(what=told)


def _just_before(started: str) -> str:
    """Return a time before the first line: a busy engine notes the start when the program has written already."""
    return (datetime.fromisoformat(started) - timedelta(seconds=_NOTED_LATE_S)).isoformat()


def _why_not_started(exc: CommandFailed) -> str:
    taken = _PORT_TAKEN.search(exc.said)
    if taken is None:
        return texts.deploy.SWITCH_FAILED.format(reason=exc.reason)
    return texts.deploy.SWITCH_PORT_TAKEN.format(port=taken[1])


def _trouble(answer: dict[str, Any] | None) -> str:
    if answer is None:
        return texts.deploy.NO_ANSWER
    shown = []
    for name, part in answer["parts"].items():
        if part["state"] == "down" and part["critical"]:
            label = texts.operation.PARTS.get(name, name)
            shown.append(f"{label}: {texts.operation.REASONS.get(part['why'], texts.operation.LEVELS['down'])}")
    return ", ".join(shown) or texts.deploy.NO_ANSWER


def _parsed(line: str) -> dict[str, Any]:
    with contextlib.suppress(ValueError):
        found = json.loads(line)
        if isinstance(found, dict):
            return found
    return {}


def _is_bad(line: str) -> bool:
    event = _parsed(line)
    return event.get("level") in _BAD or event.get("error") == _UNFORESEEN


def _is_of_an_end(line: str) -> bool:
    """Tell whether a line may say why its program ended: an error, or what is said to people and no step of a start."""
    return _is_bad(line) or not (_parsed(line) or line.rstrip().endswith("…"))


def _message(line: str) -> str:
    """Return what a line of the log says, in short; a line that is no JSON as it is."""
    event = _parsed(line)
    if not event:
        return line
    about = [str(event[name]) for name in ("event", "error", "reason") if event.get(name)]
    last = last_line(str(event.get("exception", "")))
    return ": ".join([*about, *([last] if last else [])])
