"""Deploys the next version: each step has to succeed, else the former version stays or comes back."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import texts.deploy
from deployment.checkout import Checkout
from deployment.commands import Commands, last_line
from deployment.engine import CANARY, CHECK, IMAGE, Engine, tag_of
from deployment.images import clean
from deployment.preflight import require_fit
from deployment.records import Record, Records, Step, timed
from deployment.reports import Teller, report_text
from deployment.service import PATIENT_S, Service
from deployment.settings import DeploySettings
from errors_of_operation import CommandFailed, DeploymentStopped, VersionUnfit

_BACKUP_S = 4 * 3600
_LONGEST_REASON = 400
_NO_SPACE = "no space left on device"
STATUSES = {"done": 0, "nothing_new": 0, "stopped": 1, "rolled_back": 3, "rollback_failed": 4}
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
        self._switched = False
        self._pulled = False
        self._image = ""

    def run(self, record: Record, before: Record | None, *, backup: bool, force: bool) -> Path:
        """Deploy; ``before`` is a deploy that was killed. Return the path of the report; ``record`` has the result."""
        began = time.monotonic()
        try:
            if self._prepare(record, before, force=force):
                self._install(record, backup=backup)
                record.result = "done"
            else:
                record.result = "nothing_new"
        except (Exception, KeyboardInterrupt) as exc:  # noqa: BLE001  # whatever it is, the former version comes back
            record.why = _why(exc)
            self._give_up(record)
        record.seconds = round(time.monotonic() - began, 1)
        return self._records.finish(record, report_text(record))

    def _prepare(self, record: Record, before: Record | None, *, force: bool) -> bool:
        """Find out what runs and what is new; tell whether there is something to do."""
        with self._step(record, "preflight"):
            require_fit(self._root, self._engine, self._checkout, self._settings.needed_mb)
            running = self._service.running()
            bot = next((each for each in running if each.service == "voxpersona"), None)
            if before is not None:
                self._tell.unfinished(before)
            if not record.head:
                record.head = self._checkout.head()
                if bot is not None:
                    record.former_image, record.former_commit = bot.image, bot.commit
                    record.workers = sum(each.service == "worker" for each in running)
            self._engine.remove(CANARY)
            self._engine.remove(CHECK)
            if record.former_image is not None:
                # It has a name of its own from now on, so that nobody's cleaning takes it.
                name = tag_of(record.former_commit) if record.former_commit else f"{IMAGE}:former"
                self._engine.tag(record.former_image, name)
            record.target_commit = self._checkout.fetch()
            is_new = before is not None or bot is None or bot.commit != record.target_commit
        return is_new or force

    def _install(self, record: Record, *, backup: bool) -> None:
        if backup and record.former_image is not None:
            with self._step(record, "backup"):
                self._back_up()
                record.backup = True
        with self._step(record, "pull"):
            self._pulled = True
            self._checkout.pull()
            record.target_commit = self._checkout.head()
        with self._step(record, "build"):
            self._image = self._build(record.target_commit)
        with self._step(record, "services"):
            self._start_stores()
        with self._step(record, "check"):
            self._check()
        with self._step(record, "migrate"):
            self._migrate()
        with self._step(record, "canary"):
            self._try_beside()
        self._switch(record)
        if record.former_image is not None and record.former_image != self._engine.image_id(self._image):
            self._engine.tag(record.former_image, f"{IMAGE}:previous")
        with self._step(record, "tidy"):
            clean(self._engine)

    def _switch(self, record: Record) -> None:
        away = time.monotonic()
        with self._step(record, "switch"):
            self._switched = True
            self._service.replace(self._image, record.workers, alone=False)
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
            if _NO_SPACE in exc.said.lower():
                raise DeploymentStopped(why=texts.deploy.BUILD_NO_SPACE) from exc
            raise DeploymentStopped(why=texts.deploy.BUILD_FAILED.format(reason=exc.reason)) from exc

    def _check(self) -> None:
        try:
            self._engine.self_check(self._image)
        except CommandFailed as exc:
            reason = "; ".join(line.strip("✖ ") for line in exc.said.splitlines() if "✖" in line) or exc.reason
            raise DeploymentStopped(why=texts.deploy.CHECK_FAILED.format(reason=reason[:_LONGEST_REASON])) from exc

    def _start_stores(self) -> None:
        # The first time, this makes the passwords as well, without which no settings are good.
        try:
            self._engine.start_stores(self._image)
        except CommandFailed as exc:
            raise DeploymentStopped(why=texts.deploy.SERVICES_FAILED.format(reason=exc.reason)) from exc

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
        record.result = "stopped"
        with suppress(CommandFailed, DeploymentStopped):
            self._engine.remove(CANARY)
            self._engine.remove(CHECK)
        try:
            if self._pulled:
                self._checkout.go_to(record.head)
            if self._switched and record.former_image is not None:
                with self._step(record, "rollback"):
                    self._go_back(record)
                record.result = "rolled_back"
        except VersionUnfit as exc:
            record.why += f"\n{texts.deploy.FORMER_NOT_READY.format(what=exc.what)}"
            record.result = "rollback_failed"
        except Exception as exc:  # noqa: BLE001  # the report has to be written
            record.why += f"\n{_why(exc)}"
            record.result = "rollback_failed" if self._switched else record.result

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
        self._records.save(record)
        self._tell.step(name, self._settings.limits.watch_s)
        with timed(step):
            yield


def _why(exc: BaseException) -> str:
    """Return the sentence for the operator."""
    if isinstance(exc, DeploymentStopped):
        return exc.why
    if isinstance(exc, VersionUnfit):
        return texts.deploy.NEW_VERSION.format(what=exc.what)
    if isinstance(exc, CommandFailed):
        return f"{last_line(exc.said)}."
    if isinstance(exc, KeyboardInterrupt):
        return f"{texts.deploy.STOPPED_BY_HAND[0].upper()}{texts.deploy.STOPPED_BY_HAND[1:]}."
    return texts.deploy.UNEXPECTED.format(kind=type(exc).__name__).capitalize() + f": {exc}"
