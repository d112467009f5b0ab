"""Fetches originals that the object store has lost, for workers that have no messenger.

A recording with the error ``OriginalAwaited`` waits for its original, and gets a job again once the original is there.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

import jobs.rows
import recordings_store
from datamodels import RecordingId
from db import Connection, Database
from errors import OriginalGone
from followers import KeyedTasks, Loop
from recordings import originals_store
from recordings.originals import Originals

log = structlog.get_logger(__name__)


class LostOriginals:
    """Fetches awaited originals; ``enqueue`` adds the job that goes on with the recording."""

    def __init__(
        self,
        database: Database,
        originals: Originals,
        enqueue: Callable[[Connection, RecordingId], Awaitable[None]],
    ) -> None:
        self._database = database
        self._originals = originals
        self._enqueue = enqueue
        self._loop = Loop("lost_originals")

    async def run(self) -> None:
        """Fetch until cancelled; what is interrupted is done again at the next start."""
        async with asyncio.TaskGroup() as group:
            tasks: KeyedTasks[RecordingId] = KeyedTasks("lost_originals", group, self._loop.wake)
            await self._loop.run(lambda: self._look(tasks))

    async def _look(self, tasks: KeyedTasks[RecordingId]) -> None:
        busy = tasks.busy
        async with self._database.transaction() as connection:
            awaited = await originals_store.list_awaited(connection)
        for recording_id in awaited:
            if recording_id not in busy:
                tasks.start(recording_id, self._bring_back(recording_id))

    async def _bring_back(self, recording_id: RecordingId) -> None:
        async with self._database.transaction() as connection:
            if not await originals_store.lock_awaited(connection, recording_id):
                return
            recording = await recordings_store.get_recording_for_job(connection, recording_id)
        gone: OriginalGone | None = None
        try:
            await self._originals.ensure(recording)
        except OriginalGone as exc:
            gone = exc
        async with self._database.transaction() as connection:
            if not await originals_store.lock_awaited(connection, recording_id):
                if not await originals_store.exists(connection, recording_id):
                    await self._originals.discard(recording)
                return
            if gone is None:
                await self._enqueue(connection, recording_id)
            else:
                await jobs.rows.drop_scheduled(connection, jobs.rows.lock_of(recording_id))
                await recordings_store.record_failure(connection, recording_id, gone.code, gone.user_text)
        log.info("awaited_original", recording=str(recording_id), found=gone is None)
