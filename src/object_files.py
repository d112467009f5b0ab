"""The object store that needs no server: files in a folder, on the disk before a call returns.

The object ``a/b.ogg`` is the file ``a/b.<sha256>.ogg`` and its description ``a/b.ogg.object``, which is renamed into
place last. So the description decides which bytes the object has, at whatever moment the power fails.
"""

import errno
import hashlib
import os
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import BinaryIO, TypeVar

import structlog
from pydantic import ValidationError

from constants import PROVIDER_TRIES
from datamodels import Value
from errors import NotFound, ObjectDamaged, ObjectFolderUnavailable, UnreadableFile
from file_locks import FileLock
from object_store import CHECK, ObjectInfo, run_in_thread
from system.shortages import shortage_in
from utils import (
    disk_full_mapped,
    file_problem,
    folder_problem,
    fsync_folder,
    opened_atomically,
    write_atomically,
)

log = structlog.get_logger(__name__)

_CHUNK_BYTES = 1024 * 1024
_KEYS_AT_ONCE = 1000
_DESCRIPTION = ".object"
_TEMPORARY = ".tmp"
_MEETINGS = 5
"""How often a step is repeated because another process replaced the object, or removed the empty folder, meanwhile."""
_Result = TypeVar("_Result")


class _Description(Value):
    sha256: str
    size_bytes: int
    file_name: str


class FolderObjectStore:
    """The objects under ``folder``, which only its owner can enter; any number of processes may share the folder.

    Raises, in every method:
        ObjectFolderUnavailable: the system does not let the folder be read or written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put_file(self, key: str, path: Path, *, sha256: str, file_name: str) -> None:
        """Store a file; see ``ObjectStore.put_file``."""

        def put() -> None:
            try:
                size = path.stat().st_size
            except OSError as exc:
                raise shortage_in(exc) or UnreadableFile(file_name=file_name, reason=file_problem(exc)) from exc
            description = _Description(sha256=sha256, size_bytes=size, file_name=file_name)
            self._put(key, lambda: _chunks_of_file(path, file_name), description)

        await self._run("put_file", put)

    async def put_bytes(self, key: str, data: bytes) -> None:
        """Store ``data``; see ``ObjectStore.put_bytes``."""
        sha256 = hashlib.sha256(data).hexdigest()
        description = _Description(sha256=sha256, size_bytes=len(data), file_name=PurePosixPath(key).name)
        await self._run("put_bytes", lambda: self._put(key, lambda: iter([data]), description))

    async def get_file(self, key: str, path: Path) -> None:
        """Fetch an object; see ``ObjectStore.get_file``."""

        def get() -> None:
            with opened_atomically(path) as target:
                for chunk in self._read(key):
                    target.write(chunk)

        await self._run("get_file", get)

    async def info(self, key: str) -> ObjectInfo:
        """Describe an object; see ``ObjectStore.info``."""

        def info() -> ObjectInfo:
            described, place = self._description(key), self._place(key)
            try:
                changed = place.with_name(place.name + _DESCRIPTION).stat().st_mtime
            except FileNotFoundError:
                raise NotFound(what=key) from None
            stored_at = datetime.fromtimestamp(changed, UTC)
            return ObjectInfo(described.size_bytes, described.sha256, described.file_name, stored_at)

        return await self._run("info", info)

    async def exists(self, key: str) -> bool:
        """Tell whether there is such an object, with as many bytes as were stored."""

        def exists() -> bool:
            try:
                description = self._description(key)
                return _data(self._place(key), description.sha256).stat().st_size == description.size_bytes
            except (NotFound, FileNotFoundError):
                return False

        return await self._run("exists", exists)

    async def delete(self, key: str) -> None:
        """Remove an object, what killed calls left of it, and the folders that become empty."""

        def delete() -> None:
            place = self._place(key)
            if not place.parent.is_dir():
                return
            with FileLock(place.parent, folder=True).held():
                place.with_name(place.name + _DESCRIPTION).unlink(missing_ok=True)
                _remove_data(place)
                fsync_folder(place.parent)
            for folder in place.parents:
                if folder == self._folder or not _removed(folder):
                    break

        await self._run("delete", delete)

    async def list_keys(self) -> AsyncIterator[str]:
        """Yield all keys; see ``ObjectStore.list_keys``."""
        found = self._found()
        while some := await self._run("list_keys", lambda: list(islice(found, _KEYS_AT_ONCE)), tries=1):
            for key in some:
                yield key

    def _found(self) -> Iterator[str]:
        for parent, _, names in os.walk(self._folder, onerror=_raise_unless_gone):
            for name in names:
                if name.endswith(_DESCRIPTION):
                    yield Path(parent, name).relative_to(self._folder).as_posix().removesuffix(_DESCRIPTION)

    async def ensure(self) -> None:
        """Make the folder when it is absent."""
        await self._run("ensure", lambda: self._make(self._folder))

    async def check(self) -> None:
        """Raise ``ObjectFolderUnavailable`` unless the folder is there and we may read and write it."""

        def check() -> None:
            if not os.access(self._folder, os.R_OK | os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, "closed to us")

        await self._run(CHECK, check, tries=1)

    async def tidy(self, before: datetime) -> None:
        """Remove what killed calls left before ``before``, and the empty folders that have not changed since then.

        Storing an object makes its folder again.
        """

        def tidy() -> None:
            for parent, _, names in os.walk(self._folder, topdown=False, onerror=_raise_unless_gone):
                folder = Path(parent)
                with suppress(FileNotFoundError):
                    if folder == self._folder:
                        continue
                    if names:
                        with FileLock(folder, folder=True).held():
                            _remove_leftovers(folder, before)
                    if folder.stat().st_mtime < before.timestamp():
                        _removed(folder)

        await self._run("tidy", tidy, tries=1)

    def close(self) -> None:
        """Do nothing: no file stays open between calls."""

    def _put(self, key: str, chunks: Callable[[], Iterator[bytes]], description: _Description) -> None:
        place = self._place(key)
        for meeting in range(_MEETINGS):
            try:
                self._make(place.parent)
                with FileLock(place.parent, folder=True).held():
                    self._write(place, chunks(), description)
            except FileNotFoundError:
                # A deletion removed the empty folder before we had the lock.
                if meeting == _MEETINGS - 1:
                    raise
            else:
                return

    def _write(self, place: Path, chunks: Iterator[bytes], description: _Description) -> None:
        digest = hashlib.sha256()
        with opened_atomically(_data(place, description.sha256)) as target:
            for chunk in chunks:
                digest.update(chunk)
                target.write(chunk)
            if digest.hexdigest() != description.sha256:
                raise ObjectDamaged(key=place.name)
        write_atomically(place.with_name(place.name + _DESCRIPTION), description.model_dump_json())
        _remove_data(place, but=description.sha256)

    def _make(self, folder: Path) -> None:
        """Make ``folder`` and those above it that are missing, and sync their names to the disk."""
        missing = [folder, *folder.parents]
        for each in reversed(missing[: missing.index(self._folder) + 1]):
            each.mkdir(mode=0o700, parents=each == self._folder, exist_ok=True)
            fsync_folder(each.parent)

    def _read(self, key: str) -> Iterator[bytes]:
        """Yield the chunks of an object.

        Raises:
            NotFound: there is no such object.
            ObjectDamaged: the hash, known after the last chunk, is not the stored one.
        """
        place = self._place(key)
        for _ in range(_MEETINGS):
            sha256 = self._description(key).sha256
            with suppress(FileNotFoundError), _data(place, sha256).open("rb") as source:
                yield from _hashed(source, sha256, key)
                return
        log.warning("object_without_bytes", key=key)
        raise NotFound(what=key)

    def _description(self, key: str) -> _Description:
        place = self._place(key)
        try:
            return _Description.model_validate_json(place.with_name(place.name + _DESCRIPTION).read_bytes())
        except FileNotFoundError:
            raise NotFound(what=key) from None
        except ValidationError:
            log.warning("object_description_damaged", key=key)
            raise NotFound(what=key) from None

    def _place(self, key: str) -> Path:
        parts = key.split("/")
        assert not {"", ".", ".."} & set(parts), key  # noqa: S101  # keys are made by our code, of ids
        return self._folder.joinpath(*parts)

    async def _run(self, operation: str, call: Callable[[], _Result], tries: int = PROVIDER_TRIES) -> _Result:
        def mapped() -> _Result:
            with self._errors_mapped(), disk_full_mapped(self._folder):
                return call()

        return await run_in_thread(operation, mapped, tries=tries)

    @contextmanager
    def _errors_mapped(self) -> Iterator[None]:
        try:
            yield
        except OSError as exc:
            raise ObjectFolderUnavailable(path=self._folder, reason=folder_problem(exc)) from exc


def _remove_leftovers(folder: Path, before: datetime) -> None:
    """Remove files that are older than ``before`` and that no description names."""
    paths = list(folder.iterdir())
    described = {path for path in paths if path.name.endswith(_DESCRIPTION)}
    try:
        named = {
            _data(
                path.with_name(path.name.removesuffix(_DESCRIPTION)),
                _Description.model_validate_json(path.read_bytes()).sha256,
            )
            for path in described
        }
    except ValidationError:
        return  # nobody knows which file the damaged description named
    for path in set(paths) - described - named:
        if path.is_file() and path.stat().st_mtime < before.timestamp():
            path.unlink()
            log.info("object_leftover_removed", file=path.name)


def _raise_unless_gone(error: OSError) -> None:
    """Raise ``error``, which kept a walk from listing a folder, unless the folder was removed meanwhile."""
    if not isinstance(error, FileNotFoundError):
        raise error


def _data(place: Path, sha256: str) -> Path:
    return place.with_name(f"{place.stem}.{sha256}{place.suffix}")


def _remove_data(place: Path, *, but: str | None = None) -> None:
    """Remove the files of the object's bytes, except those with the hash ``but``, and what killed calls left.

    The caller holds the folder's lock.
    """
    data_name = re.compile(rf"{re.escape(place.stem)}\.([0-9a-f]{{64}}){re.escape(place.suffix)}")
    for path in place.parent.iterdir():
        version = data_name.fullmatch(path.name)
        if path.suffix == _TEMPORARY or (version and version[1] != but):
            path.unlink(missing_ok=True)


def _hashed(source: BinaryIO, sha256: str, key: str) -> Iterator[bytes]:
    digest = hashlib.sha256()
    while chunk := source.read(_CHUNK_BYTES):
        digest.update(chunk)
        yield chunk
    if digest.hexdigest() != sha256:
        raise ObjectDamaged(key=key)


def _chunks_of_file(path: Path, file_name: str) -> Iterator[bytes]:
    """Yield what is in a file.

    Raises:
        UnreadableFile: the system does not let it be read.
    """
    try:
        with path.open("rb") as source:
            while chunk := source.read(_CHUNK_BYTES):
                yield chunk
    except OSError as exc:
        raise shortage_in(exc) or UnreadableFile(file_name=file_name, reason=file_problem(exc)) from exc


def _removed(folder: Path) -> bool:
    """Remove ``folder`` when it is empty; tell whether it is gone."""
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
