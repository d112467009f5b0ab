"""Deploys the next version: each step has to succeed, else the former version stays or comes back."""

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import texts.deploy
from deployment.checkout import Checkout
from deployment.commands import Commands, is_for_want_of_space, last_line
from deployment.engine import BEFORE, CANARY, CHECK, IMAGE, Container, Engine
from deployment.images import clean
from deployment.preflight import require_fit, reserve_way_back
from deployment.records import Record, Records, Step, timed
from deployment.reports import Teller, named, report_text, say, why_of
from deployment.service import PATIENT_S, Service
from deployment.settings import DeploySettings
from errors_of_operation import CommandFailed, DeploymentStopped, VersionUnfit

_BACKUP_S = 4 * 3600
_LONGEST_REASON = 400
_FAILED_STEP = re.compile(r"^#(\d+) ERROR", re.MULTILINE)
_CAUSE = r"^#{step} [\d.]+ ((?:[\w.]*(?:Error|Exception)|ERROR|E|error|fatal): .+)$"
"""A line that a program of the build's step wrote, with its time, which tells what is wrong."""
STATUSES = {
    "done": 0,
    "nothing_new": 0,
    "stopped": 1,
    "rollback_undone": 1,
    "rolled_back": 3,
    "rollback_failed": 4,
    "undo_failed": 4,
}
"""Exit statuses by results; 2 is for wrong arguments."""


class Deploy:
    """One deploy. ``record`` says how far it is, and is on the disk before each step begins."""

    def __init__(
        self, root: Path, settings: DeploySettings, records: Records, commands: Commands, tell: Teller
    ) -> None:
        self._root = root
        self._settings = settings
        self._records = records
        self._commands = commands
        self._tell = tell
        self._checkout = Checkout(commands)
        self._engine = Engine(commands)
        self._service = Service(self._engine, settings.limits)
        self._pulled = False
        self._image = ""

    def run(
        self, record: Record, before: Record | None, *, backup: bool, force: bool, wanted: str | None = None
    ) -> Path:
        """Deploy; ``before`` is a deploy that was killed. Return the path of the report; ``record`` has the result.

        When ``wanted`` is given, no other commit than that is deployed.
        """
        began = time.monotonic()
        # The one that was killed may have moved the files.
        self._pulled = bool(record.head)
        try:
            if self._prepare(record, before, wanted, force=force):
                self._install(record, backup=backup)
                record.result = "done"
            else:
                record.result = "nothing_new"
        except (Exception, KeyboardInterrupt) as exc:  # noqa: BLE001  # whatever it is, the former version comes back
            record.why = why_of(exc)
            self._give_up(record)
        self._commands.shield()
        record.seconds = round(time.monotonic() - began, 1)
        return self._records.finish(record, report_text(record))

    def _prepare(self, record: Record, before: Record | None, wanted: str | None, *, force: bool) -> bool:
        """Find out what runs and what is new; tell whether there is something to do."""
        if before is not None:
            self._tell.unfinished(before)
        if record.switched:
            self._engine.require()  # before anything can stop us: from here on we can go back
            self._bring_back(record)
        with self._step(record, "preflight"):
            self._checkout.head()
            self._checkout.require_clean(was_moving=before is not None and before.step == "pull")
            require_fit(self._root, self._engine, self._settings)
            running = self._service.running()
            bot = next((each for each in running if each.service == "voxpersona"), None)
            if before is None and bot is None and any(each.running for each in running):
                raise DeploymentStopped(why=texts.deploy.WORKERS_ALONE)
            if not record.head:
                record.head = self._checkout.head()
                self._note_former(record, bot, sum(each.service == "worker" for each in running))
            self._engine.remove(CANARY)
            self._engine.remove(CHECK)
            if record.former_image is not None:
                if self._engine.image_id(record.former_image) is None:
                    record.former_image = None  # somebody removed it, and there is no way back
                else:
                    self._engine.tag(record.former_image, BEFORE)
            record.target_commit = self._checkout.fetch()
            if wanted is not None and record.target_commit != wanted:
                found = record.target_commit[:12]
                raise DeploymentStopped(why=texts.deploy.OTHER_COMMIT.format(found=found, wanted=wanted[:12]))
            is_new = before is not None or bot is None or not bot.running or bot.commit != record.target_commit
        return is_new or force

    def _bring_back(self, record: Record) -> None:
        """Have the former version run again if nothing does, before minutes go by: a killed switch leaves that."""
        runs = any(each.service == "voxpersona" and each.running for each in self._service.running())
        if runs or record.former_image is None or self._engine.image_id(record.former_image) is None:
            return
        try:
            with self._step(record, "rollback"):
                self._checkout.go_to(record.head)
                self._go_back(record)
        except (VersionUnfit, CommandFailed, DeploymentStopped) as exc:
            # The new version may do better.
            why = exc.what if isinstance(exc, VersionUnfit) else why_of(exc)
            say(texts.deploy.DOWN.format(why=why.rstrip(".")))
        else:
            record.switched = False

    def _note_former(self, record: Record, bot: Container | None, workers: int) -> None:
        if bot is not None:
            record.former_image, record.former_commit, record.workers = bot.image, bot.commit, workers
        elif (last := self._engine.image_id(f"{IMAGE}:latest")) is not None:
            # After `docker compose down` no container tells what ran.
            record.former_image, record.former_commit = last, self._engine.commit_of(last)

    def _install(self, record: Record, *, backup: bool) -> None:
        if backup and record.former_image is not None:
            with self._step(record, "backup"):
                self._start_stores(BEFORE)
                self._back_up()
                record.backup = True
        with self._step(record, "pull"):
            self._pulled = True
            self._checkout.forward_to(record.target_commit)
        with self._step(record, "build"):
            self._image = self._build(record.target_commit)
        with self._step(record, "services"):
            self._start_stores(self._image)
        with self._step(record, "check"):
            self._check()
        with self._step(record, "migrate"):
            self._migrate()
        with self._step(record, "canary"):
            self._try_beside()
            reserve_way_back(self._root, self._engine, self._records)
        self._switch(record)
        self._tidy(record)

    def _tidy(self, record: Record) -> None:
        """Remove what is old. The new version is proven by now: nothing in here takes it back."""
        record.switched = self._pulled = False
        try:
            with self._step(record, "tidy"):
                if record.former_image is not None and record.former_image != self._engine.image_id(self._image):
                    self._engine.tag(record.former_image, f"{IMAGE}:previous")
                clean(self._engine)
        except (Exception, KeyboardInterrupt) as exc:  # noqa: BLE001  # whatever it is, the version works
            record.why = texts.deploy.NOT_TIDIED.format(why=why_of(exc))

    def _switch(self, record: Record) -> None:
        away = time.monotonic()
        record.switched = True
        with self._step(record, "switch"):
            workers = None if self._settings.workers_are_set else record.workers
            self._service.replace(self._image, workers, alone=False)
        with self._step(record, "ready"):
            self._service.wait_until_ready(self._service.running)
        record.seconds_away = round(time.monotonic() - away, 1)
        with self._step(record, "smoke"):
            self._service.require_commit(record.target_commit)
        with self._step(record, "watch"):
            self._service.watch()

    def _back_up(self) -> None:
        script = self._root / "scripts" / "backup"
        if not os.access(script, os.X_OK):
            raise DeploymentStopped(why=texts.deploy.NO_BACKUP_SCRIPT)
        try:
            self._commands.run(script, limit_s=_BACKUP_S)
        except CommandFailed as exc:
            raise DeploymentStopped(
                why=texts.deploy.BACKUP_FAILED.format(status=exc.details["status"], reason=exc.reason)
            ) from exc

    def _build(self, commit: str) -> str:
        try:
            return self._engine.build(commit, self._settings.target, self._settings.build_options)
        except CommandFailed as exc:
            if is_for_want_of_space(exc):
                raise DeploymentStopped(why=texts.deploy.BUILD_NO_SPACE) from exc
            raise DeploymentStopped(why=texts.deploy.BUILD_FAILED.format(reason=_error_in(exc.said))) from exc

    def _check(self) -> None:
        try:
            self._engine.self_check(self._image)
        except CommandFailed as exc:
            reason = "; ".join(line.strip("✖ ") for line in exc.said.splitlines() if "✖" in line) or exc.reason
            raise DeploymentStopped(why=texts.deploy.CHECK_FAILED.format(reason=reason[:_LONGEST_REASON])) from exc

    def _start_stores(self, image: str) -> None:
        # The first time, this makes the passwords as well, without which no settings are good.
        try:
            self._engine.start_stores(image)
        except CommandFailed as exc:
            # Compose says which service has failed, and not why.
            reason = self._engine.said_by_prepare() or exc.reason
            raise DeploymentStopped(why=texts.deploy.SERVICES_FAILED.format(reason=reason)) from exc

    def _migrate(self) -> None:
        try:
            self._engine.migrate(self._image)
        except CommandFailed as exc:
            raise DeploymentStopped(why=texts.deploy.MIGRATION_FAILED.format(reason=exc.reason)) from exc

    def _try_beside(self) -> None:
        try:
            self._engine.start_canary(self._image)
            self._service.wait_until_ready(lambda: self._service.canary(CANARY), PATIENT_S)
        except CommandFailed as exc:
            raise DeploymentStopped(why=texts.deploy.CANARY_FAILED.format(reason=f"{exc.reason}.")) from exc
        except VersionUnfit as exc:
            raise DeploymentStopped(why=texts.deploy.CANARY_FAILED.format(reason=f"{exc.what}.")) from exc
        finally:
            self._engine.remove(CANARY)

    def _give_up(self, record: Record) -> None:
        """Leave the server with the former version: it is there still, or it comes back."""
        self._commands.shield()
        self._records.free_reserve()
        record.result = "stopped"
        if self._pulled:
            try:
                self._checkout.go_to(record.head)
            except Exception as exc:  # noqa: BLE001  # what runs matters more than what is checked out
                told = texts.deploy.ROLLBACK_CHECKOUT.format(commit=named(record.head), reason=why_of(exc).rstrip("."))
                record.why += f"\n{told}"
        if not self._engine.answers:
            return
        with suppress(Exception):
            self._engine.remove(CANARY)
            self._engine.remove(CHECK)
        if record.former_image is None:
            return
        if not record.switched:
            record.trouble = self._service.trouble()
            return
        record.result = "rollback_failed"
        try:
            with self._step(record, "rollback"):
                self._go_back(record)
            record.result, record.switched = "rolled_back", False
        except VersionUnfit as exc:
            record.why += f"\n{texts.deploy.FORMER_NOT_READY.format(what=exc.what)}"
        except Exception as exc:  # noqa: BLE001  # the report has to be written
            record.why += f"\n{why_of(exc)}"

    def _go_back(self, record: Record) -> None:
        assert record.former_image is not None  # noqa: S101  # what the caller has asked
        # Not with all services: migrate of the former version would refuse a database that is newer than itself.
        self._service.replace(record.former_image, record.workers, alone=True)
        self._service.wait_until_ready(self._service.running, PATIENT_S)

    @contextmanager
    def _step(self, record: Record, name: str) -> Iterator[None]:
        record.step = name
        step = Step(name)
        record.steps.append(step)
        try:
            self._records.save(record)
        except OSError:
            # Going back needs no space, and the deploy is known to be unfinished already.
            if name != "rollback":
                raise
        self._tell.step(name, self._settings.limits.watch_s)
        with timed(step):
            yield


def _error_in(said: str) -> str:
    """Return the error of a build: what the program of the failed step said last of it, else what Docker says."""
    for step in reversed(_FAILED_STEP.findall(said)):
        told = [line for line in re.findall(_CAUSE.format(step=step), said, re.MULTILINE) if "://" not in line]
        if told:
            return str(told[-1])[:_LONGEST_REASON].rstrip(".:")
    # That may be several lines, and hints and addresses follow it.
    lines = [line.strip() for line in said.splitlines()]
    begin = next((number for number in reversed(range(len(lines))) if lines[number].startswith("ERROR")), None)
    if begin is None:
        return last_line(said)
    shown = (line for line in lines[begin:] if line and "://" not in line)
    return " ".join(shown)[:_LONGEST_REASON].rstrip(".:")
