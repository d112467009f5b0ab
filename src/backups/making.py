"""Makes a set: everything is brought together in one folder, saved, read back, and only then counts as a backup."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import BinaryIO

import texts.backups
from backups.dump import Counted, receive
from backups.manifest import (
    DUMP,
    MANIFEST,
    OBJECTS,
    REPORTS,
    SETTINGS,
    FileFacts,
    Manifest,
    copy_below,
    facts_below,
    file_facts,
)
from backups.restic import UNVERIFIED, Restic
from backups.status import Failed, Made, note_status
from backups.table_contents import place_of
from errors import UnexpectedFailure, VoxPersonaError
from errors_of_operation import BackupDamaged, BackupFailed
from object_copies import copy_objects
from object_files import FolderObjectStore
from object_store import ObjectStore
from utils import disk_full_mapped

Say = Callable[[str], None]
"""Tells the operator a line in Russian."""

_DAYS_TO_READ_ALL = 7
_OWN_SECRETS = "backup"
_SETTINGS_FILES = (".env", "docker-compose.override.yml")


@dataclass(frozen=True)
class Installation:
    """Where things are: the checkout with ``.env``, ``persistent_dir`` and its folder of backups; and which version."""

    checkout: Path
    state: Path
    backups: Path
    version: str
    commit: str | None

    @property
    def set_folder(self) -> Path:
        """Where a set is brought together."""
        return self.backups / "set"


class BackupMaker:
    """Makes sets and checks them, and notes in the status how that ended."""

    def __init__(self, installation: Installation, restic: Restic, objects: ObjectStore, say: Say) -> None:
        self._here = installation
        self._restic = restic
        self._objects = objects
        self._say = say
        self._step = ""

    async def make(self, stream: BinaryIO, dsn: str) -> Made:
        """Make and verify a set of the dump that ``stream`` brings, which has to be that of ``dsn``.

        Then remove sets that are too old.

        Raises:
            BackupFailed, DiskFull, ObjectStoreUnavailable: no set was made; earlier ones are as they were.
            BackupDamaged: the repository does not give back what was saved.
        """
        async with self._failures_noted():
            return await self._make(stream, dsn)

    async def check(self) -> None:
        """Read all data of all sets.

        Raises:
            BackupDamaged: some of it is not as it was saved.
        """
        async with self._failures_noted():
            self._tell(texts.backups.STEP_CHECK_ALL)
            await self._restic.open()
            await self._restic.check("100%")
            await asyncio.to_thread(note_status, self._here.backups, damaged=None)

    async def _make(self, stream: BinaryIO, dsn: str) -> Made:
        began_at, began = datetime.now(UTC), monotonic()
        folder = self._here.set_folder
        await asyncio.to_thread(_emptied, folder)
        self._tell(texts.backups.STEP_DATABASE)
        counted = await asyncio.to_thread(receive, stream, folder / DUMP)
        if counted.place != await asyncio.to_thread(place_of, dsn):
            raise BackupFailed(reason=texts.backups.SERVER_ELSEWHERE)
        self._tell(texts.backups.STEP_REPOSITORY)
        await self._restic.open(make=True)
        # Of scripts that were killed before they had verified what they saved.
        await self._restic.forget([each.id for each in await self._restic.sets() if UNVERIFIED in each.tags])
        self._tell(texts.backups.STEP_OBJECTS)
        objects, lost = await self._mirrored()
        self._tell(texts.backups.STEP_FILES)
        manifest = await asyncio.to_thread(self._manifest, counted, objects, lost, began_at)
        self._tell(texts.backups.STEP_SAVE)
        snapshot = await self._restic.save(folder)
        self._tell(texts.backups.STEP_VERIFY)
        await self._verify(snapshot, manifest)
        snapshot = await self._restic.mark_verified(snapshot)
        self._tell(texts.backups.STEP_KEEP)
        await self._restic.keep()
        await asyncio.to_thread(_emptied, folder)
        made = Made(
            at=began_at,
            snapshot=snapshot,
            set_bytes=_size_of(manifest),
            repository_bytes=await self._restic.size_bytes(),
            seconds=round(monotonic() - began, 1),
        )
        await asyncio.to_thread(note_status, self._here.backups, made=made, failed=None)
        return made

    async def _mirrored(self) -> tuple[dict[str, FileFacts], list[str]]:
        """Bring the folder of objects up to date; return what is in it, and what the store has lost."""
        mirror = FolderObjectStore(self._here.set_folder / OBJECTS)
        await mirror.ensure()
        await self._objects.ensure()
        there = {key async for key in self._objects.list_keys()}
        copied = await copy_objects(self._objects, mirror, self._here.set_folder, lambda *_: None)
        for key in [key async for key in mirror.list_keys() if key not in there]:
            await mirror.delete(key)
        for key in copied.lost:
            self._say(texts.backups.OBJECT_LOST.format(key=key))
        facts = {}
        async for key in mirror.list_keys():
            info = await mirror.info(key)
            facts[key] = FileFacts(size_bytes=info.size_bytes, sha256=info.sha256)
        return facts, sorted(copied.lost)

    def _manifest(
        self, counted: Counted, objects: dict[str, FileFacts], lost: list[str], made_at: datetime
    ) -> Manifest:
        folder = self._here.set_folder
        with disk_full_mapped(folder):
            copy_below(self._here.state / "reports", folder / REPORTS)
            copy_below(self._here.state / "secrets", folder / SETTINGS / "secrets")
            # Who has the set needs this password to read it: it would be of no use in there.
            shutil.rmtree(folder / SETTINGS / "secrets" / _OWN_SECRETS, ignore_errors=True)
            (folder / SETTINGS).mkdir(exist_ok=True)
            for name in _SETTINGS_FILES:
                if (self._here.checkout / name).is_file():
                    (folder / SETTINGS / name).write_bytes((self._here.checkout / name).read_bytes())
            manifest = Manifest(
                version=self._here.version,
                commit=self._here.commit,
                migrations=counted.migrations,
                made_at=made_at,
                database=file_facts(folder / DUMP),
                tables=counted.tables,
                objects=objects,
                lost_objects=tuple(lost),
                reports=facts_below(folder / REPORTS),
                settings=facts_below(folder / SETTINGS),
                sample=counted.sample,
            )
            (folder / MANIFEST).write_text(manifest.model_dump_json(indent=2), encoding="utf-8")
        return manifest

    async def _verify(self, snapshot: str, manifest: Manifest) -> None:
        """Read the set's manifest and dump back, and a seventh of all data in the repository, another one every day.

        Raises:
            BackupDamaged: something is not as it was saved.
        """
        try:
            await self._read_back(snapshot, MANIFEST, file_facts(self._here.set_folder / MANIFEST))
            await self._read_back(snapshot, DUMP, manifest.database)
            day = manifest.made_at.toordinal() % _DAYS_TO_READ_ALL + 1
            await self._restic.check(f"{day}/{_DAYS_TO_READ_ALL}")
        except BackupDamaged:
            # What cannot be read back is no backup, and must not push out one that can.
            await self._restic.forget([snapshot])
            raise

    async def _read_back(self, snapshot: str, name: str, saved: FileFacts) -> None:
        if await self._restic.sha256_of(snapshot, f"/{name}") != saved.sha256:
            raise BackupDamaged(reason=texts.backups.READ_BACK_DIFFERS.format(name=name))

    def _tell(self, step: str) -> None:
        self._step = step
        self._say(step)

    @asynccontextmanager
    async def _failures_noted(self) -> AsyncIterator[None]:
        try:
            yield
        except Exception as exc:
            code = exc.code if isinstance(exc, VoxPersonaError) else UnexpectedFailure.code
            failed = Failed(at=datetime.now(UTC), step=self._step, code=code)
            changes = {"damaged": failed} if isinstance(exc, BackupDamaged) else {"failed": failed}
            await asyncio.to_thread(lambda: note_status(self._here.backups, **changes))
            raise


def _emptied(folder: Path) -> None:
    """Leave nothing in ``folder`` but the objects, which the next set does not have to fetch again."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.name != OBJECTS:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _size_of(manifest: Manifest) -> int:
    files = (manifest.objects, manifest.reports, manifest.settings)
    return manifest.database.size_bytes + sum(facts.size_bytes for each in files for facts in each.values())
