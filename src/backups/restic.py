"""The repository of backups, kept by restic: encrypted, without anything twice, and checked by hashes."""

import asyncio
import errno
import json
import os
import re
import signal
from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

import texts.backups
from config import child_environment, shown
from datamodels import Value
from errors import DiskFull, MissingProgram, VoxPersonaError
from errors_of_operation import BackupDamaged, BackupFailed, BackupNotFound, BackupPasswordRefused, BackupUnavailable

UNVERIFIED: Final = "unverified"
VERIFIED: Final = "verified"
KEPT_DAYS, KEPT_WEEKS = 7, 4
_HOST = "voxpersona"
_WRONG_PASSWORD = "wrong password or no key found"  # noqa: S105  # what restic says
_ONLY_COUNTS = re.compile(r"repository contains errors|There were \d+ errors")
_NOT_MADE = re.compile(
    # What servers say of a file or bucket that is not there; and not what S3 says of a key that it does not know.
    r"does not exist(?! in our records)|doesn't exist|no such file or directory|"
    r"NoSuchKey|NoSuchBucket|BlobNotFound|Object Not Found|\b404\b"
)
_LOST_PACK = re.compile(r"pack ([0-9a-f]{8,64}): does not exist")
_BAD_PACKS = re.compile(r"(?:want|[Pp]acks?) ((?:[0-9a-f]{8,64}\b ?)+)")
_BAD_SET = re.compile(r"<snapshot/([0-9a-f]{8,64})>")
_BAD_INDEX = re.compile(r"error loading index|LoadIndex")
"""What a check says of what it cannot read; newer versions shorten ids."""
_QUESTION = "Is there a repository at the following location?"
"""What restic adds to every failure to read a repository's first file."""
_ASK = ("cat", "config", "--no-lock")
_READ_BYTES = 1024 * 1024
_LONGEST_REASON = 300
_CLOCKS_DIFFER = timedelta(minutes=10)


class Snapshot(Value):
    """A set in the repository."""

    id: str
    time: datetime
    tags: tuple[str, ...] = ()
    original: str = ""
    """The id that the set had before it was tagged."""


class Damage(NamedTuple):
    """What a check of all data has found: its error, and what that names, by the beginnings of ids.

    ``lost`` packs are not there, ``packs`` not as they were saved; ``sets`` cannot be read; ``in_index`` tells of the
    index, without which no file is found.
    """

    error: BackupDamaged
    lost: frozenset[str]
    packs: frozenset[str]
    sets: frozenset[str]
    in_index: bool


class PackedFile(NamedTuple):
    """A file of a set with a piece, the blob, in a pack."""

    snapshot: str
    path: str
    blob: str


class Restic:
    """One repository, which belongs to this installation alone.

    Raises, in every method:
        BackupPasswordRefused: the password does not open the repository.
        BackupUnavailable: the repository does not answer.
        MissingProgram: restic is not installed.
        DiskFull: no space left.
    """

    def __init__(self, repository: str, password_file: Path, cache: Path, *, is_local: bool) -> None:
        self._repository = repository
        self._password_file = password_file
        self._cache = cache
        self.is_local = is_local

    async def open(self, *, make: bool = False) -> None:
        """Remove the locks of killed programs; with ``make``, make the repository unless it is there.

        Nobody but this installation's scripts uses a local one, and they take turns. Elsewhere only locks go that are
        older than half an hour.

        Raises:
            BackupNotFound: there is no repository.
        """
        if not await asyncio.to_thread(self._password_file.is_file):
            raise BackupPasswordRefused(path=shown(self._password_file), names="BACKUP_PASSWORD")
        if not await self._is_there():
            if not make:
                raise BackupNotFound(name="—")
            await self._must(BackupUnavailable, "init", "--quiet")
        if not self.is_local:
            await self._must(BackupUnavailable, "unlock", "--quiet")
        elif await asyncio.to_thread(_has_files, Path(self._repository, "locks")):
            await self._must(BackupUnavailable, "unlock", "--quiet", "--remove-all")

    async def _is_there(self) -> bool:
        if self.is_local:
            return await asyncio.to_thread(Path(self._repository, "config").exists)
        status, _, said = await self._run(*_ASK)
        if status and _WRONG_PASSWORD in said:
            raise BackupPasswordRefused(path=shown(self._password_file), names="BACKUP_PASSWORD")
        if status and (_QUESTION not in said or not _NOT_MADE.search(said)):
            raise BackupUnavailable(reason=self._reason(said))
        return status == 0

    async def save(self, folder: Path) -> str:
        """Save everything in ``folder`` as a set that is not verified yet; return the set's id.

        Raises:
            BackupFailed: a file could not be read, or the repository not be written.
            DiskFull: no space left; what was written of the set is removed.
        """
        arguments = ("backup", "--json", "--quiet", f"--host={_HOST}", f"--tag={UNVERIFIED}", ".")
        try:
            said = await self._must(BackupFailed, *arguments, folder=folder)
        except DiskFull:
            with suppress(VoxPersonaError):
                await self._must(BackupFailed, "prune", "--quiet")
            raise
        return str(json.loads(said.splitlines()[-1])["snapshot_id"])

    async def sets(self) -> list[Snapshot]:
        """List all sets, those that are not verified, too, the oldest first."""
        said = await self._must(BackupUnavailable, "snapshots", "--json", "--no-lock", f"--host={_HOST}")
        found = [
            Snapshot(id=each["id"], time=each["time"], tags=each.get("tags") or (), original=each.get("original", ""))
            for each in json.loads(said)
        ]
        return sorted(found, key=lambda each: each.time)

    async def verified_sets(self) -> list[Snapshot]:
        """List the verified sets, the oldest first."""
        return [each for each in await self.sets() if VERIFIED in each.tags]

    async def find(self, name: str, now: datetime) -> tuple[Snapshot, list[Snapshot]]:
        """Return the verified set whose id begins with ``name``; for "" the newest, and sets that were passed over.

        These were made while the clock ran ahead, and are dated after ``now``. When all are, the clock is now behind.

        Raises:
            BackupNotFound: there is none, or more than one.
        """
        found = [each for each in await self.verified_sets() if each.id.startswith(name)]
        if not found or (name and len(found) > 1):
            raise BackupNotFound(name=name or "—")
        if name:
            return found[0], []
        past = [each for each in found if each.time <= now + _CLOCKS_DIFFER]
        return (past[-1], found[len(past) :]) if past else (found[-1], [])

    async def sha256_of(self, snapshot: str, path: str) -> str:
        """Return the SHA-256 of a file in a set, as it is read back from the repository.

        Raises:
            BackupDamaged: the file cannot be read.
        """
        digest = sha256()
        process = await self._started("dump", "--no-lock", snapshot, path)
        assert process.stdout is not None  # noqa: S101  # it was asked for
        errors = asyncio.create_task(_read(process.stderr))
        while block := await process.stdout.read(_READ_BYTES):
            digest.update(block)
        said = (await errors).decode(errors="replace")
        if status := await process.wait():
            raise await self._failure(BackupDamaged, status, said)
        return digest.hexdigest()

    async def text_of(self, snapshot: str, path: str) -> str:
        """Return a file of text in a set.

        Raises:
            BackupDamaged: the file cannot be read.
        """
        return await self._must(BackupDamaged, "dump", "--no-lock", snapshot, path)

    async def restore(self, snapshot: str, target: Path) -> None:
        """Write all files of a set into ``target``.

        Raises:
            BackupDamaged: not every file could be read from the repository.
        """
        await self._must(BackupDamaged, "restore", snapshot, "--quiet", "--no-lock", f"--target={target}")

    async def check(self, subset: str) -> None:
        """Check that the repository is whole, and read ``subset`` of its data: "3/7" the third of seven, "100%" all.

        Raises:
            BackupDamaged: it is not.
        """
        await self._must(BackupDamaged, "check", "--quiet", "--no-lock", f"--read-data-subset={subset}")

    async def damage(self) -> Damage | None:
        """Read all data of all sets; return what is damaged, None when nothing is."""
        status, _, said = await self._run("check", "--quiet", "--no-lock", "--read-data-subset=100%")
        if not status:
            return None
        error = await self._failure(BackupDamaged, status, said)
        if not isinstance(error, BackupDamaged):
            raise error
        lost = frozenset(_LOST_PACK.findall(said))
        packs = frozenset(each for found in _BAD_PACKS.findall(said) for each in found.split())
        return Damage(error, lost, packs - lost, frozenset(_BAD_SET.findall(said)), bool(_BAD_INDEX.search(said)))

    async def files_in(self, packs: Collection[str]) -> list[PackedFile]:
        """List the files of all sets that have a piece in one of ``packs``, in those sets whose lists can be read.

        Raises:
            BackupDamaged: the repository's index cannot be read.
        """
        if not packs:
            return []
        said = await self._must(BackupDamaged, "find", "--json", "--no-lock", "--pack", *sorted(packs))
        found = (each for line in said.splitlines() if line.startswith("[") for each in json.loads(line))
        return [
            PackedFile(each["snapshot"], each["path"].removeprefix("/"), each["id"])
            for each in found
            if each["object_type"] == "blob"
        ]

    async def is_readable(self, blob: str) -> bool:
        """Tell whether a piece of a file can be read."""
        try:
            await self._must(BackupDamaged, "cat", "--no-lock", "blob", blob)
        except BackupDamaged:
            return False
        return True

    async def has_its_list(self, snapshot: str) -> bool:
        """Tell whether the list of a set's files can be read from the repository; without it nothing is restored."""
        try:
            await self._must(BackupDamaged, "stats", "--json", "--no-lock", "--no-cache", snapshot)
        except BackupDamaged:
            return False
        return True

    async def mark_verified(self, snapshot: str) -> str:
        """Mark a set as verified; return its id, which changes by that. ``snapshot`` may be the beginning of an id.

        Raises:
            BackupFailed: it is not marked.
        """
        await self._must(BackupFailed, "tag", "--quiet", f"--set={VERIFIED}", snapshot)
        # Not the newest: the clock may have been ahead when an earlier set was made.
        marked = [each.id for each in await self.verified_sets() if each.original.startswith(snapshot)]
        if not marked:
            raise BackupFailed(reason=texts.backups.SET_NOT_MARKED)
        return marked[0]

    async def forget(self, snapshots: Sequence[str]) -> None:
        """Remove sets; their data goes with the next ``keep``."""
        if snapshots:
            await self._must(BackupFailed, "forget", "--quiet", *snapshots)

    async def keep(self) -> set[str]:
        """Remove verified sets but those of a day, the newest of seven days and of four weeks, and data of no set.

        Returns the ids of those that stay.
        """
        policy = (f"--keep-daily={KEPT_DAYS}", f"--keep-weekly={KEPT_WEEKS}", "--keep-last=1", "--keep-within=1d")
        options = ("--quiet", "--json", f"--tag={VERIFIED}", "--group-by=", *policy, "--prune")
        said = (await self._must(BackupFailed, "forget", *options)).strip()
        groups = json.loads(said.splitlines()[0]) if said else []
        return {each["id"] for group in groups for each in group["keep"]}

    async def size_of(self, snapshot: str) -> int:
        """Return what all files of a set take once they are restored."""
        said = await self._must(BackupDamaged, "stats", "--json", "--no-lock", "--mode=restore-size", snapshot)
        return int(json.loads(said)["total_size"])

    async def size_bytes(self) -> int:
        """Return what the repository takes."""
        if self.is_local:
            return await asyncio.to_thread(_size_below, Path(self._repository))
        said = await self._must(BackupUnavailable, "stats", "--json", "--no-lock", "--mode=raw-data")
        return int(json.loads(said)["total_size"])

    async def _must(self, error: type[BackupFailed], *arguments: str, folder: Path | None = None) -> str:
        status, output, said = await self._run(*arguments, folder=folder)
        if status:
            raise await self._failure(error, status, said)
        return output

    async def _failure(self, error: type[BackupFailed], status: int, said: str) -> VoxPersonaError:
        """Return what a failed call means. Nothing is called damaged that could only not be read for the moment."""
        if _WRONG_PASSWORD in said:
            return BackupPasswordRefused(path=shown(self._password_file), names="BACKUP_PASSWORD")
        if os.strerror(errno.ENOSPC).lower() in said.lower():
            return DiskFull(path=shown(self._cache.parent))
        if issubclass(error, BackupDamaged):
            if status < 0:
                # Killed, as when the machine has no memory left.
                return BackupFailed(reason=f"restic: {signal.strsignal(-status)}")
            if not self.is_local:
                away, _, told = await self._run(*_ASK)
                if away:
                    return BackupUnavailable(reason=self._reason(told))
        return error(reason=self._reason(said))

    async def _run(self, *arguments: str, folder: Path | None = None) -> tuple[int, str, str]:
        process = await self._started(*arguments, folder=folder)
        output, said = await process.communicate()
        return await process.wait(), output.decode(errors="replace"), said.decode(errors="replace")

    async def _started(self, *arguments: str, folder: Path | None = None) -> asyncio.subprocess.Process:
        # The repository's address may hold a password: it is not among the arguments, which every user may read.
        own = {
            "RESTIC_REPOSITORY": self._repository,
            "RESTIC_PASSWORD_FILE": str(self._password_file),
            "RESTIC_CACHE_DIR": str(self._cache),
        }
        try:
            return await asyncio.create_subprocess_exec(
                "restic",
                *arguments,
                cwd=folder,
                env={**child_environment(storage=True), **own},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
        except FileNotFoundError as exc:
            raise MissingProgram(program="restic") from exc

    def _reason(self, said: str) -> str:
        """Return what restic said of the cause, its last line, without the repository's address."""
        said = said.partition(_QUESTION)[0].replace(self._repository, "BACKUP_REPOSITORY")
        told = [line.strip() for line in said.splitlines() if line.strip()]
        last = (told[-1] if told else "restic").removeprefix("Fatal: ")
        # What is damaged stands before how much is.
        said_first = " ".join(told[:2]) if len(told) > 1 and _ONLY_COUNTS.match(last) else ""
        return "; ".join(filter(None, (said_first, last)))[:_LONGEST_REASON].rstrip(".")


def _has_files(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())


def _size_below(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


async def _read(stream: asyncio.StreamReader | None) -> bytes:
    return b"" if stream is None else await stream.read()
