"""Brings the files of corrected transcripts in the object store up to date; they lag behind by a minute."""

import asyncio
from collections.abc import Callable

import structlog

import transcripts_store
from datamodels import Transcript
from db import Database
from object_store import ObjectStore, key_for_transcript
from transcription.editing import store

log = structlog.get_logger(__name__)

ToJson = Callable[[Transcript], bytes]

FILED_EVERY_S = 60.0
_AT_ONCE = 20


class TranscriptFiling:
    """Writes files anew. ``to_json`` makes the file's content; it blocks."""

    def __init__(self, database: Database, objects: ObjectStore, to_json: ToJson) -> None:
        self._database = database
        self._objects = objects
        self._to_json = to_json

    async def file(self) -> None:
        """Write the files of transcripts that were corrected since; what is interrupted is done the next time.

        Raises:
            ObjectStoreUnavailable, DatabaseUnavailable, DiskFull: some files are as they were.
        """
        async with self._database.transaction() as connection:
            unfiled = await store.list_unfiled(connection, _AT_ONCE)
        for recording, owner, version in unfiled:
            async with self._database.transaction() as connection:
                transcript = await transcripts_store.load_transcript(connection, recording)
            if transcript is None:
                continue
            content = await asyncio.to_thread(self._to_json, transcript)
            await self._objects.put_bytes(key_for_transcript(owner, recording), content)
            async with self._database.transaction() as connection:
                await store.note_filed(connection, recording, version)
        if unfiled:
            log.info("transcripts_filed", count=len(unfiled))
