"""What is kept of deploys under ``persistent_data/deploys``: the lock, the state of the one that runs, reports."""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

import texts.deploy
from errors_of_operation import DeploymentStopped

_STATE = "state.json"
_LOCK = "lock"
_REPORTS_KEPT = 100


@dataclass
class Step:
    """A step of a deploy, and how it ended; ``ok`` is None while it runs."""

    name: str
    seconds: float = 0.0
    ok: bool | None = None


@dataclass
class Record:
    """A deploy: what ``state.json`` says while it runs, and its report says afterwards. Images are ids."""

    id: str
    started: str
    step: str = ""
    head: str = ""
    """The commit that was checked out before: the files go back to it when the deploy fails."""
    former_commit: str = ""
    former_image: str | None = None
    """What ran before; None when nothing did."""
    workers: int | None = None
    """How many workers ran beside the bot."""
    target_commit: str = ""
    backup: bool = False
    result: str = ""
    why: str = ""
    ended: str = ""
    seconds: float = 0.0
    seconds_away: float | None = None
    steps: list[Step] = field(default_factory=list)

    def go_on_from(self, killed: "Record") -> None:
        """Take over what ran before a deploy that was killed: this one goes back to that, too."""
        self.head, self.workers = killed.head, killed.workers
        self.former_commit, self.former_image = killed.former_commit, killed.former_image


def now() -> str:
    """Return the time in UTC, as reports show it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Records:
    """The folder of deploys. Nobody but its owner may look into it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def prepare(self) -> None:
        """Make the folder.

        Raises:
            DeploymentStopped: we may not.
        """
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            (self.folder / _LOCK).touch(0o600)
        except OSError as exc:
            raise DeploymentStopped(why=texts.deploy.NO_FOLDER.format(path=self.folder)) from exc

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock of deploys and rollbacks, which the kernel frees when the process dies.

        Raises:
            DeploymentStopped: another process has it.
        """
        with (self.folder / _LOCK).open("r+", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise DeploymentStopped(why=texts.deploy.BUSY.format(pid=file.read().strip() or "?")) from None
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            try:
                yield
            finally:
                file.truncate(0)

    def new(self) -> Record:
        """Return the record of a deploy that begins now. Its id is not taken, and later ones sort behind it."""
        name = f"{datetime.now(UTC):%Y%m%d-%H%M%S}"
        taken = {path.stem for path in self.folder.iterdir()}
        while name in taken:
            name = f"{name}+"
        return Record(id=name, started=now())

    def open_log(self, record: Record) -> TextIO:
        """Open the log of a deploy."""
        path = self.log_of(record)
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a", encoding="utf-8")

    def log_of(self, record: Record) -> Path:
        """Return the path of a deploy's log."""
        return self.folder / f"{record.id}.log"

    def unfinished(self) -> Record | None:
        """Return the deploy that was killed; None when the last one came to its end."""
        try:
            found: dict[str, Any] = json.loads((self.folder / _STATE).read_text(encoding="utf-8"))
            steps = [Step(**each) for each in found.pop("steps")]
            return Record(**found, steps=steps)
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def save(self, record: Record) -> None:
        """Write down how far a deploy is, so that the next one knows when this one is killed."""
        _write(self.folder / _STATE, json.dumps(asdict(record), ensure_ascii=False, indent=1))

    def finish(self, record: Record, text: str) -> Path:
        """Write the report of a deploy that has ended, as JSON and as ``text``; return the path of the text."""
        record.ended = record.ended or now()
        _write(self.folder / f"{record.id}.json", json.dumps(asdict(record), ensure_ascii=False, indent=1))
        path = self.folder / f"{record.id}.txt"
        _write(path, text)
        (self.folder / _STATE).unlink(missing_ok=True)
        self._forget_the_oldest()
        return path

    def _forget_the_oldest(self) -> None:
        ids = sorted({path.stem for path in self.folder.glob("*-*.*")})
        for old in ids[:-_REPORTS_KEPT]:
            for path in self.folder.glob(f"{old}.*"):
                path.unlink(missing_ok=True)


@contextmanager
def timed(step: Step) -> Iterator[None]:
    """Note in ``step`` how long the block takes and whether it raises."""
    began = time.monotonic()
    step.ok = False
    try:
        yield
        step.ok = True
    finally:
        step.seconds = round(time.monotonic() - began, 1)


def _write(path: Path, text: str) -> None:
    """Write a file whole or not at all; it is on the disk when this returns."""
    temporary = path.with_name(f".{path.name}.tmp")
    with suppress(FileNotFoundError):
        temporary.unlink()
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
