"""What is kept of deploys under ``persistent_data/deploys``: the lock, the state of the one that runs, reports."""

import fcntl
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from typing import Any

import texts.deploy
from deployment.commands import is_for_want_of_space
from errors_of_operation import DeploymentStopped

_STATE = "state.json"
_LOCK = "lock"
_RESTORE_LOCK = ".restore.lock"
_REPORTS_KEPT = 100
_UNPROVEN = ("switch", "ready", "smoke", "watch", "rollback")
_POLL_S = 0.5
_RESERVE = "reserve"
RESERVE_MB = 64
"""What going back takes of a disk at most: names of images, containers, and the database's log meanwhile."""
_ORPHANS_S = 600
"""How long programs are waited for whose deploy was killed."""


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
    target_image: str | None = None
    """What a rollback by hand goes to; None for a deploy."""
    switched: bool = False
    """Whether something may run that is neither the former version nor proven: then the former one has to come back."""
    backup: bool = False
    trouble: str = ""
    """What is wrong with the former version, which still runs: the end of a sentence; empty when it is ready."""
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
        self.switched = killed.switched


def now() -> str:
    """Return the time in UTC, as reports show it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Records:
    """The folder of deploys. Nobody but its owner may look into it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.held: tuple[int, ...] = ()
        """The descriptor of the lock while we have it."""

    def prepare(self) -> None:
        """Make the folder.

        Raises:
            DeploymentStopped: we may not.
            OSError: no space left.
        """
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            (self.folder / _LOCK).touch(0o600)
        except OSError as exc:
            if is_for_want_of_space(exc):
                raise
            raise DeploymentStopped(why=texts.deploy.NO_FOLDER.format(path=self.folder)) from exc

    @contextmanager
    def locked(self, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Hold the lock of deploys and rollbacks, which the kernel frees when the process and its programs have ended.

        What a deploy that was killed has started is waited for; ``on_wait`` is called when that begins.

        Raises:
            DeploymentStopped: another process has it.
        """
        with (self.folder / _LOCK).open("r+b", buffering=0) as file:
            ends, waits = time.monotonic() + _ORPHANS_S, False
            while not _is_taken(file):
                file.seek(0)
                holder = file.read(20).decode().strip()
                if not holder.isdecimal() or _lives(int(holder)) or time.monotonic() > ends:
                    raise DeploymentStopped(why=texts.deploy.BUSY.format(pid=holder or "?"))
                if not waits:
                    on_wait()
                    waits = True
                time.sleep(_POLL_S)
            _note(file, str(os.getpid()))
            self.held = (file.fileno(),)
            try:
                yield
            finally:
                self.held = ()
                _note(file, "")
                # Not by closing it alone: what git leaves in the background has the descriptor, too.
                fcntl.flock(file, fcntl.LOCK_UN)

    def holder(self) -> int | None:
        """Return the process that deploys or rolls back at this moment; None when none does, or we may not know."""
        with suppress(OSError), (self.folder / _LOCK).open("rb", buffering=0) as file:
            said = file.read(20).decode().strip()
            # Who was killed, or was at work when the power failed, is still named, and another may have that number.
            if said.isdecimal() and _lives(int(said)) and not _is_taken(file):
                return int(said)
        return None

    def closed(self) -> tuple[Path, str] | None:
        """Return what we may not read of how the last deploy ended, and whose it is; None when we may."""
        state = self.folder / _STATE
        try:
            state.open("rb").close()
        except PermissionError:
            for path in (state, self.folder):
                with suppress(OSError, KeyError):
                    return path, path.owner()
            return self.folder, "root"
        except OSError:
            pass
        return None

    def new(self) -> Record:
        """Return the record of a deploy that begins now. Its id is not taken, and later ones sort behind it."""
        name = f"{datetime.now(UTC):%Y%m%d-%H%M%S}"
        taken = {path.stem for path in self.folder.iterdir()}
        while name in taken:
            name = f"{name}+"
        return Record(id=name, started=now())

    def open_log(self, record: Record) -> FileIO:
        """Open the log of a deploy. Nothing is buffered: closing it writes nothing that a full disk refuses."""
        return FileIO(os.open(self.log_of(record), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a")

    def log_of(self, record: Record) -> Path:
        """Return the path of a deploy's log."""
        return self.folder / f"{record.id}.log"

    def unfinished(self) -> Record | None:
        """Return the deploy after which it is open what runs; None when the last one came to its end."""
        try:
            found: dict[str, Any] = json.loads((self.folder / _STATE).read_text(encoding="utf-8"))
            steps = [Step(**each) for each in found.pop("steps")]
            record = Record(**found, steps=steps)
        except (OSError, ValueError, TypeError, KeyError):
            return None
        record.switched = record.switched or record.step in _UNPROVEN
        return record

    def save(self, record: Record) -> None:
        """Write down how far a deploy is, so that the next one knows when this one is killed."""
        _write(self.folder / _STATE, json.dumps(asdict(record), ensure_ascii=False, indent=1))

    def reserve(self) -> None:
        """Hold some of the disk for the way back: on a full one the engine can neither name an image nor start one.

        Raises:
            OSError: no space left.
        """
        with (self.folder / _RESERVE).open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, RESERVE_MB * 1_000_000)

    def free_reserve(self) -> None:
        """Give back what ``reserve`` holds."""
        with suppress(OSError):
            (self.folder / _RESERVE).unlink(missing_ok=True)

    def finish(self, record: Record, text: str) -> Path:
        """End a deploy with its report; return the path. It stays the unfinished one while what runs is not proven.

        Without space there is no report; then the path is the log's.
        """
        self.free_reserve()
        record.ended = record.ended or now()
        try:
            path = self.report(record, text)
        except OSError:
            path = self.log_of(record)
        if record.switched:
            with suppress(OSError):
                self.save(record)
        else:
            (self.folder / _STATE).unlink(missing_ok=True)
        self._forget_the_oldest()
        return path

    def report(self, record: Record, text: str) -> Path:
        """Write a report, as JSON and as ``text``; return the path of the text.

        Raises:
            OSError: no space left.
        """
        _write(self.folder / f"{record.id}.json", json.dumps(asdict(record), ensure_ascii=False, indent=1))
        path = self.folder / f"{record.id}.txt"
        _write(path, text)
        return path

    def _forget_the_oldest(self) -> None:
        ids = sorted({path.stem for path in self.folder.glob("*-*.*")})
        for old in ids[:-_REPORTS_KEPT]:
            for path in self.folder.glob(f"{old}.*"):
                path.unlink(missing_ok=True)


@contextmanager
def restores_kept_away(checkout: Path, name: str) -> Iterator[tuple[int, ...]]:
    """Hold the turn of ``scripts/restore`` for the script ``name``; yield its descriptor, which programs inherit.

    There is none on a disk that is too full for the file: then no restore has it either.

    Raises:
        DeploymentStopped: a restore is at work, or we may not open the file.
    """
    path = checkout / _RESTORE_LOCK
    try:
        file = FileIO(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+")
    except OSError as exc:
        if not is_for_want_of_space(exc):
            raise DeploymentStopped(why=texts.deploy.LOCK_CLOSED.format(path=path)) from exc
        yield ()
        return
    with file:
        if os.geteuid() == 0:
            # As scripts/turns does: who owns the checkout restores without root.
            owner = checkout.stat()
            os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
        if not _is_taken(file):
            raise DeploymentStopped(why=_who_has_it(file.read(100).decode().strip()))
        _note(file, texts.deploy.AT_WORK.format(name=name, pid=os.getpid()))
        try:
            yield (file.fileno(),)
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)


def _who_has_it(holder: str) -> str:
    """Tell who holds the turn of restores: the command, or what a command that was killed has started."""
    process = re.search(r"процесс (\d+)", holder)
    alive = process is None or _lives(int(process[1]))
    return (texts.deploy.OTHER_AT_WORK if alive else texts.deploy.OTHER_WAS_KILLED).format(holder=holder)


def _note(file: FileIO, text: str) -> None:
    """Write into a lock's file who has it."""
    with suppress(OSError):  # for want of space
        file.truncate(0)
        file.seek(0)
        file.write(text.encode())


def _is_taken(file: FileIO) -> bool:
    """Take the lock if it is free; tell whether we have it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


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
