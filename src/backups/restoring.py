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
from backups.restic import Restic, Snapshot
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
_LEFT_OUT = "left_out"
_MOST_NAMES = 20
_LARGEST_OBJECT_BYTES = 2 * 1024**3


def require_empty(state: Path) -> None:
    """Refuse a place where an installation has been at work. Blocking.

    Raises:
        RestoreRefused: the folders that are not empty are named.
    """
    found = [name for name in _HAS_DATA if (state / name).is_dir() and any((state / name).iterdir())]
    if found:
        raise RestoreRefused(found=", ".join(found))


async def take(restic: Restic, name: str, state: Path, say: Say, *, partial: bool = False) -> str:
    """Take the verified set ``name`` ("" for the newest) out into ``state``; put its secrets and reports in place.

    With ``partial``, files that cannot be read are told and left out, but never the dump. Returns the set's id.
    When it fails, nothing of the set is left in the folder.

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
    try:
        await _take_out(restic, snapshot, folder, say, partial=partial)
        await asyncio.to_thread(_put_in_place, folder, state)
    except BaseException:
        # It has .env and secrets in it.
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return snapshot.id


async def _take_out(restic: Restic, snapshot: Snapshot, folder: Path, say: Say, *, partial: bool) -> None:
    damage: BackupDamaged | None = None
    try:
        size = await restic.size_of(snapshot.id)
        # What is taken out is then put in place a second time, one object after another over a copy.
        await asyncio.to_thread(require_space, folder, 2 * size + min(size, _LARGEST_OBJECT_BYTES))
    except BackupDamaged as exc:
        damage = exc  # of the list of files, of which the other parts may be whole
    try:
        await restic.restore(snapshot.id, folder)
    except BackupDamaged as exc:
        damage = exc
    try:
        manifest = await asyncio.to_thread(load_manifest, folder)
    except BackupDamaged as exc:
        raise damage or exc from None
    say(texts.backups.STEP_SET_OF.format(origin=manifest.origin))
    missing = await asyncio.to_thread(_not_whole, folder, manifest)
    if damage is not None:
        missing += [f"{OBJECTS}/{key}" for key in await _objects_not_whole(folder, manifest)]
    if DUMP in missing:
        raise BackupDamaged(reason=texts.backups.DUMP_DAMAGED.format(name=DUMP))
    if missing:
        lines = [texts.backups.LEFT_OUT.format(kind=_kind_of(each), name=each.partition("/")[2]) for each in missing]
        for line in lines if partial else lines[:_MOST_NAMES]:
            say(line)
        if not partial:
            if more := len(lines[_MOST_NAMES:]):
                say(texts.backups.LEFT_OUT_MORE.format(count=more))
            told = {"count": len(missing), "snapshot": snapshot.id[:8]}
            raise BackupDamaged(reason=texts.backups.SET_DIFFERS_AND_MORE.format(**told))
        await asyncio.to_thread(_leave_out, folder, manifest, missing, lines)


def left_out(folder: Path) -> list[str]:
    """Return a line for each file that a partial restore into ``folder`` left out. Blocking."""
    path = folder / _LEFT_OUT
    return path.read_text(encoding="utf-8").splitlines() if path.is_file() else []


def _leave_out(folder: Path, manifest: Manifest, missing: Sequence[str], lines: Sequence[str]) -> None:
    """Remove what is not whole, and have the manifest name what is there."""

    def kept(part: str, files: Mapping[str, FileFacts]) -> Mapping[str, FileFacts]:
        return {name: facts for name, facts in files.items() if f"{part}/{name}" not in missing}

    for name in missing:
        # Of an object that is not whole the store hands nothing out.
        if not name.startswith(f"{OBJECTS}/"):
            (folder / name).unlink(missing_ok=True)
    there = {
        "objects": kept(OBJECTS, manifest.objects),
        "reports": kept(REPORTS, manifest.reports),
        "settings": kept(SETTINGS, manifest.settings),
    }
    (folder / MANIFEST).write_text(manifest.model_copy(update=there).model_dump_json(), encoding="utf-8")
    (folder / _LEFT_OUT).write_text("\n".join(lines), encoding="utf-8")


def _kind_of(name: str) -> str:
    return next(words for part, words in reversed(texts.backups.KINDS.items()) if name.startswith(f"{part}/"))


def load_manifest(folder: Path) -> Manifest:
    """Load the manifest of what was taken out into ``folder``. Blocking.

    Raises:
        BackupDamaged: it is not there, or not what a manifest is.
    """
    try:
        return Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except (OSError, ValueError) as exc:
        raise BackupDamaged(reason=texts.backups.SET_DIFFERS.format(names=MANIFEST)) from exc


def _not_whole(folder: Path, manifest: Manifest) -> list[str]:
    """Return the files that are not as the manifest says, by their path in ``folder``; not the objects. Blocking."""
    dump = {DUMP: file_facts(folder / DUMP)} if (folder / DUMP).is_file() else {}
    return [
        *differing({DUMP: manifest.database}, dump),
        *(f"{REPORTS}/{name}" for name in differing(manifest.reports, facts_below(folder / REPORTS))),
        *(f"{SETTINGS}/{name}" for name in differing(manifest.settings, facts_below(folder / SETTINGS))),
    ]


async def _objects_not_whole(folder: Path, manifest: Manifest) -> list[str]:
    """Return the keys of the manifest's objects that cannot be had from what was taken out."""
    objects, spool = FolderObjectStore(folder / OBJECTS), folder / "examined.tmp"
    await objects.ensure()
    return [key for key, facts in manifest.objects.items() if await _facts_of(objects, key, spool) != facts]


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
            if (facts := await _facts_of(objects, key, self._spool / "compared.tmp")) is not None:
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


async def _facts_of(objects: ObjectStore, key: str, path: Path) -> FileFacts | None:
    """Return size and hash of an object, which is fetched into ``path`` meanwhile; None when it cannot be had whole."""
    try:
        await objects.get_file(key, path)
        return await asyncio.to_thread(file_facts, path)
    except (NotFound, ObjectDamaged):
        return None
    finally:
        await asyncio.to_thread(lambda: path.unlink(missing_ok=True))


def _rows(tables: Mapping[str, TableFacts], name: str) -> str:
    return str(tables[name].rows) if name in tables else "—"
