"""Takes a set out of the repository, puts what it holds in place, and compares all of it with the manifest."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import texts.backups
from backups.manifest import (
    DUMP,
    MANIFEST,
    OBJECTS,
    REPORTS,
    SETTINGS,
    FileFacts,
    Manifest,
    TableFacts,
    differing,
    facts_below,
    file_facts,
)
from backups.mirroring import Say
from backups.restic import Restic
from backups.space import require_space
from datamodels import UserId
from datamodels_chats import Passage
from errors import NotFound, ObjectDamaged
from errors_of_operation import BackupDamaged, RestoreRefused
from object_copies import copy_objects
from object_files import FolderObjectStore
from object_store import ObjectStore
from utils import disk_full_mapped

Search = Callable[[UserId, str], Awaitable[Sequence[Passage]]]
"""Finds passages for a question in the recordings of a person; see ``chats.search.Retrieval.find``."""

RESTORED = "restored"
"""The folder, beside the repository, into which a set is taken out."""
_HAS_DATA = ("postgres", "minio", "objects", "reports", "telegram", "secrets/product")
_MOST_NAMES = 5
_LARGEST_OBJECT_BYTES = 2 * 1024**3


def require_empty(state: Path) -> None:
    """Refuse a place where an installation has been at work. Blocking.

    Raises:
        RestoreRefused: the folders that are not empty are named.
    """
    found = [name for name in _HAS_DATA if (state / name).is_dir() and any((state / name).iterdir())]
    if found:
        raise RestoreRefused(found=", ".join(found))


async def take(restic: Restic, name: str, state: Path, say: Say) -> str:
    """Take the verified set ``name`` ("" for the newest) out into ``state``; put its secrets and reports in place.

    Returns the set's id.

    Raises:
        BackupNotFound: there is no such set.
        BackupDamaged: what was taken out is not what the manifest says.
        BackupUnavailable, BackupPasswordRefused, DiskFull: the set was not taken out.
    """
    await restic.open()
    snapshot, passed_over = await restic.find(name, datetime.now(UTC))
    if passed_over:
        say(texts.backups.OF_THE_FUTURE.format(names=", ".join(each.id[:8] for each in passed_over)))
    say(
        texts.backups.STEP_READ_SET.format(
            snapshot=snapshot.id[:8], at=f"{snapshot.time.astimezone():%d.%m.%Y %H:%M %Z}"
        )
    )
    folder = state / "backups" / RESTORED
    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    await asyncio.to_thread(lambda: folder.mkdir(mode=0o700, parents=True))
    size = await restic.size_of(snapshot.id)
    # What is taken out is then put in place a second time, one object after another over a copy.
    await asyncio.to_thread(require_space, folder, 2 * size + min(size, _LARGEST_OBJECT_BYTES))
    await restic.restore(snapshot.id, folder)
    manifest = await asyncio.to_thread(load_manifest, folder)
    say(texts.backups.STEP_SET_OF.format(origin=manifest.origin))
    await asyncio.to_thread(_require_whole, folder, manifest)
    await asyncio.to_thread(_put_in_place, folder, state)
    return snapshot.id


def load_manifest(folder: Path) -> Manifest:
    """Load the manifest of what was taken out into ``folder``. Blocking.

    Raises:
        BackupDamaged: it is not there, or not what a manifest is.
    """
    try:
        return Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except (OSError, ValueError) as exc:
        raise BackupDamaged(reason=texts.backups.SET_DIFFERS.format(names=MANIFEST)) from exc


def _require_whole(folder: Path, manifest: Manifest) -> None:
    dump = {DUMP: file_facts(folder / DUMP)} if (folder / DUMP).is_file() else {}
    differ = [
        *differing({DUMP: manifest.database}, dump),
        *differing(manifest.reports, facts_below(folder / REPORTS)),
        *differing(manifest.settings, facts_below(folder / SETTINGS)),
    ]
    if differ:
        raise BackupDamaged(reason=texts.backups.SET_DIFFERS.format(names=", ".join(differ[:_MOST_NAMES])))


def _put_in_place(folder: Path, state: Path) -> None:
    with disk_full_mapped(state):
        for source, target in (
            (folder / REPORTS, state / "reports"),
            (folder / SETTINGS / "secrets", state / "secrets"),
        ):
            if source.is_dir():
                # The services' owners are set by the next start.
                shutil.copytree(source, target, dirs_exist_ok=True)


async def put_objects(restored: Path, objects: ObjectStore, *, into_used: bool = False) -> None:
    """Put the objects of a set that was taken out into the store; an interrupted call can be repeated.

    With ``into_used``, an object that the store has stays as it is there.

    Raises:
        ObjectStoreUnavailable, ObjectDamaged, DiskFull: not all objects are in the store.
    """
    await objects.ensure()
    source = FolderObjectStore(restored / OBJECTS)
    await source.ensure()
    if into_used:
        for key in [key async for key in source.list_keys() if await objects.exists(key)]:
            await source.delete(key)
    await copy_objects(source, objects, restored, lambda *_: None)


class Comparison:
    """Compares an installation with the manifest of the set that it was restored from."""

    def __init__(self, manifest: Manifest, spool: Path) -> None:
        """Objects are fetched into the folder ``spool``, one at a time."""
        self._manifest = manifest
        self._spool = spool

    def of_database(self, tables: Mapping[str, TableFacts], migrations: Sequence[str]) -> list[str]:
        """Return a line for each table that has not the same rows."""
        saved = self._manifest.tables
        lines = [
            texts.backups.DIFFERS_TABLE.format(name=name, saved=_rows(saved, name), found=_rows(tables, name))
            for name in differing(saved, tables)
        ]
        return lines if tuple(migrations) == self._manifest.migrations else [texts.backups.DIFFERS_MIGRATIONS, *lines]

    async def surplus(self, objects: ObjectStore) -> list[str]:
        """Return the keys of objects that only the store has."""
        return [key async for key in objects.list_keys() if key not in self._manifest.objects]

    async def of_objects(self, objects: ObjectStore, *, into_used: bool = False) -> list[str]:
        """Return a line for each object that is missing, surplus or of other bytes; every object is read.

        With ``into_used``, what only the store has does not count.
        """
        found = {}
        async for key in objects.list_keys():
            if into_used and key not in self._manifest.objects:
                continue
            if (facts := await self._facts_of(objects, key)) is not None:
                found[key] = facts
        return [texts.backups.DIFFERS_OBJECT.format(name=key) for key in differing(self._manifest.objects, found)]

    def of_reports(self, folder: Path) -> list[str]:
        """Return a line for each report file that is missing, surplus or of other bytes. Blocking."""
        found = facts_below(folder)
        return [texts.backups.DIFFERS_REPORT.format(name=name) for name in differing(self._manifest.reports, found)]

    async def of_search(self, search: Search) -> list[str]:
        """Return a line when the recording of the manifest's sentence is not found by it."""
        sample = self._manifest.sample
        if sample is None:
            return []
        passages = await search(UserId(sample.owner), sample.text)
        text = " ".join(sample.text.split())
        found = any(text in " ".join(line.text for line in passage.lines) for passage in passages)
        return [] if found else [texts.backups.DIFFERS_SEARCH]

    async def _facts_of(self, objects: ObjectStore, key: str) -> FileFacts | None:
        path = self._spool / "compared.tmp"
        try:
            await objects.get_file(key, path)
            return await asyncio.to_thread(file_facts, path)
        except (NotFound, ObjectDamaged):
            return None
        finally:
            await asyncio.to_thread(lambda: path.unlink(missing_ok=True))


def _rows(tables: Mapping[str, TableFacts], name: str) -> str:
    return str(tables[name].rows) if name in tables else "—"
