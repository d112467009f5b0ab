"""Makes a set: everything is brought together in one folder, saved, read back, and only then counts as a backup."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import BinaryIO

import texts.backups
from backups.damage import damage_in_words
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
    files_below,
)
from backups.mirroring import Growth, Mirror, Mirrored, Say
from backups.restic import UNVERIFIED, Restic
from backups.space import require_space
from backups.status import Failed, Made, note_status
from backups.table_contents import object_keys_among, place_of
from errors import UnexpectedFailure, VoxPersonaError
from errors_of_operation import BackupDamaged, BackupFailed
from object_store import ObjectStore
from utils import disk_full_mapped

_DAYS_TO_READ_ALL = 7
_READ_WHOLE_BYTES = 1024**3
"""A repository up to this size is read back as a whole each time: ten seconds of a disk, a minute of a network."""
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
            await asyncio.to_thread(_emptied, self._here.set_folder)
            try:
                return await self._make(stream, dsn)
            finally:
                # What was brought together is open, and as large as what is saved.
                await asyncio.to_thread(_emptied, self._here.set_folder)

    async def check(self) -> None:
        """Read all data of all sets, and tell which sets and files are damaged.

        Raises:
            BackupDamaged: some of it is not as it was saved.
        """
        async with self._failures_noted():
            self._tell(texts.backups.STEP_CHECK_ALL)
            await self._restic.open()
            if damage := await self._restic.damage():
                self._say(texts.backups.STEP_FIND_DAMAGE)
                with suppress(VoxPersonaError):  # the damage is what has to be told, wherever it is
                    for line in await damage_in_words(self._restic, damage):
                        self._say(line)
                raise damage.error
            await asyncio.to_thread(note_status, self._here.backups, damaged=None)

    async def _make(self, stream: BinaryIO, dsn: str) -> Made:
        began_at, began = datetime.now(UTC), monotonic()
        folder = self._here.set_folder
        self._tell(texts.backups.STEP_DATABASE)
        counted = await asyncio.to_thread(receive, stream, folder / DUMP)
        if counted.place != await asyncio.to_thread(place_of, dsn):
            raise BackupFailed(reason=texts.backups.SERVER_ELSEWHERE)
        self._tell(texts.backups.STEP_REPOSITORY)
        await self._restic.open(make=True)
        # Of scripts that were killed before they had verified what they saved.
        await self._restic.forget([each.id for each in await self._restic.sets() if UNVERIFIED in each.tags])
        self._tell(texts.backups.STEP_OBJECTS)
        mirrored, grown = await self._mirrored(counted.objects, dsn)
        self._tell(texts.backups.STEP_FILES)
        manifest = await asyncio.to_thread(self._manifest, counted, mirrored, began_at)
        self._tell(texts.backups.STEP_SAVE)
        if self._restic.is_local:
            await asyncio.to_thread(require_space, folder, grown.size_bytes + _size_of(manifest, objects=False))
        snapshot = await self._restic.save(folder)
        self._tell(texts.backups.STEP_VERIFY)
        read_whole = await self._verify(snapshot, manifest)
        snapshot = await self._restic.mark_verified(snapshot)
        self._tell(texts.backups.STEP_KEEP)
        if snapshot not in await self._restic.keep():
            raise BackupFailed(reason=texts.backups.SET_GONE)
        made = Made(
            at=began_at,
            snapshot=snapshot,
            set_bytes=_size_of(manifest),
            repository_bytes=await self._restic.size_bytes(),
            seconds=round(monotonic() - began, 1),
            lost_objects=len(mirrored.lost),
        )
        await asyncio.to_thread(note_status, self._here.backups, made=made, failed=None)
        self._say(texts.backups.READ_WHOLE if read_whole else texts.backups.READ_IN_PART)
        return made

    async def _mirrored(self, named: Collection[str], dsn: str) -> tuple[Mirrored, Growth]:
        """Bring the folder of objects up to date, once there is space for it and for what a local repository gets."""
        folder = self._here.set_folder
        mirror = Mirror(self._objects, folder / OBJECTS, folder, self._say)
        growth = await mirror.growth()

        def require() -> None:
            files = [
                *files_below(self._here.state / "reports").values(),
                *files_below(self._here.state / "secrets").values(),
            ]
            copied = growth.size_bytes + sum(path.stat().st_size for path in files)
            saved = copied + (folder / DUMP).stat().st_size if self._restic.is_local else 0
            require_space(folder, copied + growth.largest_bytes + saved)

        async def still_named(keys: Collection[str]) -> set[str]:
            return await asyncio.to_thread(object_keys_among, dsn, keys)

        await asyncio.to_thread(require)
        return await mirror.update(named, still_named), growth

    def _manifest(self, counted: Counted, mirrored: Mirrored, made_at: datetime) -> Manifest:
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
                objects=mirrored.facts,
                lost_objects=tuple(mirrored.absent),
                reports=facts_below(folder / REPORTS),
                settings=facts_below(folder / SETTINGS),
                sample=counted.sample,
            )
            (folder / MANIFEST).write_text(manifest.model_dump_json(indent=2), encoding="utf-8")
        return manifest

    async def _verify(self, snapshot: str, manifest: Manifest) -> bool:
        """Read the set's manifest and dump back, and all data of a small repository; tell whether it was all.

        Of a large one it is a seventh, another one every day.

        Raises:
            BackupDamaged: something is not as it was saved.
        """
        try:
            await self._read_back(snapshot, MANIFEST, file_facts(self._here.set_folder / MANIFEST))
            await self._read_back(snapshot, DUMP, manifest.database)
            whole = await self._restic.size_bytes() <= _READ_WHOLE_BYTES
            day = manifest.made_at.toordinal() % _DAYS_TO_READ_ALL + 1
            await self._restic.check("100%" if whole else f"{day}/{_DAYS_TO_READ_ALL}")
        except BackupDamaged:
            # What cannot be read back is no backup, and must not push out one that can.
            with suppress(VoxPersonaError):
                # The next one does it else: the damage is what has to be told.
                await self._restic.forget([snapshot])
            raise
        return whole

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


def _size_of(manifest: Manifest, *, objects: bool = True) -> int:
    files = (manifest.reports, manifest.settings, manifest.objects if objects else {})
    return manifest.database.size_bytes + sum(facts.size_bytes for each in files for facts in each.values())
