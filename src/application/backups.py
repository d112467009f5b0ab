"""Backups of this installation: the parts that make, check, restore and compare sets, built from the settings."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import texts.backups
from application.checked_out import commit
from application.objects import bucket_store, folder_store
from backups.making import BackupMaker, Installation
from backups.manifest import DUMP, MANIFEST, SETTINGS, Manifest, TableFacts
from backups.mirroring import Say
from backups.restic import Restic, Snapshot
from backups.restoring import RESTORED, Comparison, left_out, load_manifest, put_objects, require_empty, take
from backups.status import Drilled, Failed, Made, load_status, note_status
from backups.table_contents import migrations_of, table_contents
from chats.search import TranscriptSearch
from config import ROOT, Settings, version
from datamodels import UserId
from datamodels_chats import Passage
from db import Database
from deployment.secret_files import lost_secrets
from errors import BadSettings
from errors_of_operation import BackupDamaged, BackupFailed, StoreInUse
from file_locks import FileLock
from object_store import ObjectStore
from prompt_pack.pack import load_pack

_READERS = 4
"""Each reads one manifest, for which a program starts and opens the repository."""
_DRILL = "drill"
_SNAPSHOT = "snapshot"
_STOPPED = "drill_stopped"
_SECRETS = "secrets"
_OUR_STORE = "objects"
"""The service of the compose file, which begins with nothing on an empty machine."""


class Backups:
    """The backups of the installation that the settings describe; whatever uses the repository takes turns."""

    def __init__(self, settings: Settings, checkout: Path, say: Say, *, has_keys: bool = False) -> None:
        """``has_keys`` tells that the repository's keys stand in a file that only this step reads."""
        self._settings = settings
        self.has_keys = has_keys
        self._say = say
        self._state = settings.persistent_dir.resolve()
        self._folder = self._state / "backups"
        # An image that scripts/deploy did not build does not know its commit: it is of this checkout or an older one.
        built_from = commit(settings) or commit(settings, checkout)
        self._here = Installation(checkout, self._state, self._folder, version(), built_from)
        elsewhere = settings.backup_repository
        self.is_local = elsewhere is None
        repository = str(self._folder / "repository") if elsewhere is None else elsewhere.get_secret_value()
        password = self._state / "secrets/backup/password"
        self._restic = Restic(repository, password, self._folder / "cache", is_local=self.is_local)

    async def make(self, stream: BinaryIO) -> Made:
        """Make a set of the dump that ``stream`` brings; see ``BackupMaker.make``.

        Raises:
            BackupFailed: also when passwords are lost, without which nothing can be saved.
        """
        async with self._turn():
            await asyncio.to_thread(self._require_secrets)
            async with self._opened_objects() as objects:
                return await BackupMaker(self._here, self._restic, objects, self._say).make(stream, self._dsn())

    async def has_damage(self) -> bool:
        """Tell whether damage that was found before has not been disproved: a new set says nothing of the others."""
        status = await asyncio.to_thread(load_status, self._folder)
        return status.damaged is not None or (status.drilled is not None and not status.drilled.passed)

    async def check(self) -> None:
        """Read all data of all sets; see ``BackupMaker.check``."""
        async with self._turn(), self._opened_objects() as objects:
            await BackupMaker(self._here, self._restic, objects, self._say).check()

    async def sets(self) -> list[Snapshot]:
        """List the verified sets, the oldest first."""
        async with self._turn():
            await self._restic.open()
            return await self._restic.verified_sets()

    async def listed(self) -> list[tuple[Snapshot, Manifest | None]]:
        """List the verified sets with their manifests, the oldest first; None stands for one that cannot be read."""
        found = await self.sets()
        at_once = asyncio.Semaphore(_READERS)

        async def manifest_of(snapshot: Snapshot) -> Manifest | None:
            async with at_once:
                try:
                    return Manifest.model_validate_json(await self._restic.text_of(snapshot.id, f"/{MANIFEST}"))
                except (BackupDamaged, ValueError):
                    return None

        async with self._turn():
            return list(zip(found, await asyncio.gather(*map(manifest_of, found)), strict=True))

    async def take(self, name: str, *, partial: bool = False) -> None:
        """Take a set out into this installation, which has to be an empty one; see ``restoring.take``.

        Raises:
            RestoreRefused: it is not empty.
        """
        await asyncio.to_thread(require_empty, self._state)
        async with self._turn():
            await take(self._restic, name, self._state, self._say, partial=partial)

    async def take_for_drill(self, name: str) -> None:
        """Take a set out into an installation beside this one; what an earlier drill left there is removed."""
        async with self._turn():
            drill = self._folder / _DRILL
            await asyncio.to_thread(shutil.rmtree, drill, ignore_errors=True)
            # Compose looks for files there, and need not be run by root.
            await asyncio.to_thread(_make_passable, drill)
            snapshot = await take(self._restic, name, drill / "persistent_data", self._say)
            await asyncio.to_thread((drill / _SNAPSHOT).write_text, snapshot, encoding="utf-8")

    async def note_drill(self, *, passed: bool | None) -> None:
        """Note how the drill ended; None when it did not come to its end."""

        def note() -> None:
            now = datetime.now(UTC)
            if passed is None:
                note_status(self._folder, drill_stopped=Failed(at=now, step=_DRILL, code=_STOPPED))
                return
            path = self._folder / _DRILL / _SNAPSHOT
            snapshot = path.read_text(encoding="utf-8") if path.exists() else ""
            drilled = Drilled(at=now, snapshot=snapshot, passed=passed)
            note_status(self._folder, drilled=drilled, drill_stopped=None)

        await asyncio.to_thread(note)

    async def end_drill(self) -> None:
        """Remove the drill's installation; nothing of it may run any more."""
        await asyncio.to_thread(shutil.rmtree, self._folder / _DRILL, ignore_errors=True)

    def restored_dump(self) -> Path:
        """Return where the dump of the set is that was taken out."""
        return self._folder / RESTORED / DUMP

    def restored_setting(self, name: str) -> Path:
        """Return where a file with settings is that was taken out, if the set has it."""
        return self._folder / RESTORED / SETTINGS / name

    async def require_empty_store(self) -> None:
        """Refuse a store elsewhere that has objects: it may be the one that is in use.

        Raises:
            StoreInUse: it has some.
        """
        endpoint = self._settings.minio_endpoint
        if endpoint is None or endpoint.partition(":")[0] == _OUR_STORE:
            return
        async with self._opened_objects() as objects:
            await objects.ensure()
            async for _ in objects.list_keys():
                raise StoreInUse(endpoint=endpoint, bucket=self._settings.minio_bucket)

    async def put_objects(self, *, into_used: bool = False) -> None:
        """Put the objects of the set that was taken out into the store; see ``restoring.put_objects``."""
        self._say(texts.backups.STEP_PUT_OBJECTS)
        async with self._opened_objects() as objects:
            await put_objects(self._folder / RESTORED, objects, into_used=into_used)

    async def compare(self, *, into_used: bool = False) -> tuple[Manifest, list[str]]:
        """Compare this installation with the set that was taken out; return its manifest, and a line per difference.

        With ``into_used``, objects that only the store has are no difference; how many there are is told.

        Raises:
            BackupDamaged: the manifest is gone.
            DatabaseUnavailable, ObjectStoreUnavailable: the comparison was not possible.
        """
        self._say(texts.backups.STEP_COMPARE)
        manifest = await asyncio.to_thread(load_manifest, self._folder / RESTORED)
        comparison = Comparison(manifest, self._folder / RESTORED)
        contents = await asyncio.to_thread(table_contents, self._dsn())
        tables = {name: TableFacts(rows=each.rows, content=each.content) for name, each in contents.items()}
        migrations = await asyncio.to_thread(migrations_of, self._dsn())
        lines = comparison.of_database(tables, migrations)
        async with self._opened_objects() as objects:
            if into_used and (surplus := await comparison.surplus(objects)):
                self._say(texts.backups.SURPLUS.format(count=len(surplus)))
            lines += await comparison.of_objects(objects, into_used=into_used)
        lines += await asyncio.to_thread(comparison.of_reports, self._state / "reports")
        # The last step: it brings the database's schema up to this version.
        pack = await asyncio.to_thread(load_pack, ROOT / "prompts")
        database = await Database.open(self._dsn())
        try:
            search = TranscriptSearch(database, pack)

            async def passages(owner: UserId, question: str) -> Sequence[Passage]:
                return (await search.find(owner, question)).passages

            lines += await comparison.of_search(passages)
        finally:
            await database.close()
        return manifest, lines

    async def left_out(self) -> list[str]:
        """Return a line for each file of the set that a partial restore could not read."""
        return await asyncio.to_thread(left_out, self._folder / RESTORED)

    async def forget_restored(self) -> None:
        """Remove the set that was taken out."""
        await asyncio.to_thread(shutil.rmtree, self._folder / RESTORED, ignore_errors=True)

    def _require_secrets(self) -> None:
        needed = (self._settings.database_url, self._settings.minio_access_key, self._settings.minio_secret_key)
        lost = lost_secrets(self._state) if None in needed else []
        if lost:
            note_status(self._folder, failed=Failed(at=datetime.now(UTC), step=_SECRETS, code=BackupFailed.code))
            files = ", ".join(f"persistent_data/{each}" for each in lost)
            raise BackupFailed(reason=texts.backups.SECRETS_LOST.format(files=files))

    def _dsn(self) -> str:
        """Return the configured database.

        Raises:
            BadSettings: none is configured.
        """
        if self._settings.database_url is None:
            raise BadSettings(names="DATABASE_URL")
        return self._settings.database_url.get_secret_value()

    def _objects(self) -> ObjectStore:
        return folder_store(self._settings) if self._settings.minio_endpoint is None else bucket_store(self._settings)

    @asynccontextmanager
    async def _opened_objects(self) -> AsyncIterator[ObjectStore]:
        objects = self._objects()
        try:
            yield objects
        finally:
            objects.close()

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Hold the repository alone: two scripts that start together work one after the other."""
        await asyncio.to_thread(lambda: self._folder.mkdir(mode=0o711, parents=True, exist_ok=True))
        async with FileLock(self._folder / "lock").awaited():
            yield


def _make_passable(folder: Path) -> None:
    folder.mkdir(parents=True)
    folder.chmod(0o711)
