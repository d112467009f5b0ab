"""The port of the object store, and the keys of what is in it: recordings' original files and transcripts."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import datetime
from pathlib import Path
from time import perf_counter
from typing import NamedTuple, Protocol, TypeVar

from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter
from tenacity.wait import wait_base

from constants import PROVIDER_TRIES
from datamodels import RecordingId, UserId
from errors import ObjectDamaged, ObjectStoreUnavailable, VoxPersonaError
from metrics import OBJECT_OPERATION_SECONDS, OBJECT_OPERATIONS
from outcomes import OUTCOMES, Purpose
from system.priority import yield_processor

_Result = TypeVar("_Result")

CHECK = "check"
"""The operation that only asks how the store is: metrics count it, but it is no real call for ``outcomes``."""

_EXECUTOR = ThreadPoolExecutor(8, "objects", initializer=yield_processor)
"""The threads of all calls of stores. A store that does not answer holds these, and not those in which everything else
goes on: an answer that was paid for would wait for a free thread before it is kept."""


class ObjectInfo(NamedTuple):
    """Size in bytes, SHA-256 (hexadecimal) and file name of an object as it was stored, and the time of storing."""

    size_bytes: int
    sha256: str
    file_name: str
    stored_at: datetime


class ObjectStore(Protocol):
    """Keeps objects by key. What was put is on the store's disk when the call returns, or the call raises.

    Keys are relative paths with ``/``, with no part that is empty, ``.`` or ``..``.

    Raises, in every method:
        ObjectStoreUnavailable: the operation failed, even after retries where these can help.
    """

    async def put_file(self, key: str, path: Path, *, sha256: str, file_name: str) -> None:
        """Store the file at ``path``, whose hash is ``sha256``; ``file_name`` is kept with it.

        Raises:
            UnreadableFile: the file is gone or cannot be read.
            ObjectDamaged: bytes other than those of ``sha256`` arrived in the store; they are removed.
            DiskFull: the store is a folder on this machine, and no space is left.
        """
        ...

    async def put_bytes(self, key: str, data: bytes) -> None:
        """Store ``data`` under ``key``, in place of an object that is there.

        Raises:
            DiskFull: the store is a folder on this machine, and no space is left.
        """
        ...

    async def get_file(self, key: str, path: Path) -> None:
        """Fetch an object into ``path``, which is written whole or not at all.

        Raises:
            NotFound: there is no such object.
            ObjectDamaged: the bytes do not have the hash that was stored with them.
            DiskFull: no space left at ``path``.
        """
        ...

    async def info(self, key: str) -> ObjectInfo:
        """Describe an object without reading it.

        Raises:
            NotFound: there is no such object.
        """
        ...

    async def exists(self, key: str) -> bool:
        """Tell whether there is such an object, all its bytes included."""
        ...

    async def delete(self, key: str) -> None:
        """Remove an object; one that is not there is no error."""
        ...

    def list_keys(self) -> AsyncIterator[str]:
        """Yield the keys of all objects in any order; those stored or deleted meanwhile may or may not be included."""
        ...

    async def ensure(self) -> None:
        """Make the bucket or folder when it is absent."""
        ...

    async def check(self) -> None:
        """Raise ``ObjectStoreUnavailable`` unless the store can be used; tries only once."""
        ...

    async def tidy(self, before: datetime) -> None:
        """Remove what killed calls left before the time ``before``; every object stays."""
        ...

    def close(self) -> None:
        """Free the system's resources that the store holds."""
        ...


def key_for_original(owner_id: UserId, recording_id: RecordingId, extension: str) -> str:
    """Return the key of a recording's original file; ``extension`` has no dot."""
    return f"recordings/{owner_id}/{recording_id}/original.{extension}"


def key_for_transcript(owner_id: UserId, recording_id: RecordingId) -> str:
    """Return the key of a recording's transcript as JSON."""
    return f"recordings/{owner_id}/{recording_id}/transcript.json"


async def run_in_thread(
    operation: str, call: Callable[[], _Result], *, tries: int = PROVIDER_TRIES, retry_wait: wait_base | None = None
) -> _Result:
    """Run a store's blocking ``call`` in a thread, and count it under the name ``operation``.

    It is tried up to ``tries`` times, as long as it raises a retryable error. What the last try raises is raised.
    """
    retrying = AsyncRetrying(
        stop=stop_after_attempt(tries),
        wait=retry_wait or wait_exponential_jitter(multiplier=0.5, max=8),
        retry=retry_if_exception(lambda exc: isinstance(exc, VoxPersonaError) and exc.retryable),
        reraise=True,
    )
    outcome = "aborted"
    started = perf_counter()
    try:
        result: _Result = await retrying(_in_thread, call)
        outcome = "ok"
    except VoxPersonaError as exc:
        outcome = exc.code
        failed = isinstance(exc, ObjectStoreUnavailable) and not isinstance(exc, ObjectDamaged)
        if operation != CHECK:
            OUTCOMES.note(Purpose.OBJECTS, exc if failed else None)
        raise
    else:
        if operation != CHECK:
            OUTCOMES.note(Purpose.OBJECTS, None)
        return result
    finally:
        OBJECT_OPERATION_SECONDS.labels(operation).observe(perf_counter() - started)
        OBJECT_OPERATIONS.labels(operation, outcome).inc()


async def _in_thread(call: Callable[[], _Result]) -> _Result:
    return await asyncio.get_running_loop().run_in_executor(_EXECUTOR, copy_context().run, call)
