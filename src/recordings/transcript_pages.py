"""Transcripts, page by page: a person's own, and those that answers cite."""

from typing import NamedTuple

import recordings_store
from datamodels import Recording, RecordingId, Segment, UserId
from db import Connection, Database
from errors import NotFound
from recordings import shares_store, transcript_pages_store
from recordings.transcript_pages_store import TranscriptHead

SEGMENTS_ON_PAGE = 60
"""About five minutes of talk: a page with its times and buttons has less than 100 KB."""


class TranscriptPage(NamedTuple):
    """Some segments of a transcript, the first of which stands at ``first``; ``head`` is None while there is none."""

    recording: Recording
    head: TranscriptHead | None
    first: int
    segments: list[Segment]


class TranscriptPages:
    """The transcripts of every person."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self, owner: UserId, number: int, first: int | None = None, at_s: float | None = None
    ) -> TranscriptPage:
        """Load the page that begins with segment ``first``, or has what is said ``at_s`` seconds; else the first one.

        Raises:
            NotFound: the owner has no recording of that number.
        """
        async with self._database.transaction() as connection:
            recording = await recordings_store.get_by_number(connection, owner, number)
            return await _page(connection, recording, first, at_s)

    async def cited(
        self, asker: UserId, recording_id: RecordingId, first: int | None = None, at_s: float | None = None
    ) -> TranscriptPage:
        """Load a page, as ``page``, of a recording that an answer to ``asker`` cites, if the asker may still find it.

        Raises:
            NotFound: it was deleted, or its owner keeps it to themselves.
        """
        async with self._database.transaction() as connection:
            recording = await recordings_store.get_recording_for_job(connection, recording_id)
            if not await shares_store.is_found_by(connection, recording_id, asker):
                raise NotFound(what=f"recording {recording_id} for {asker}")
            return await _page(connection, recording, first, at_s)


async def _page(connection: Connection, recording: Recording, first: int | None, at_s: float | None) -> TranscriptPage:
    head = await transcript_pages_store.find_head(connection, recording.id)
    if head is None:
        return TranscriptPage(recording, None, 0, [])
    if first is None:
        place = 0 if at_s is None else await transcript_pages_store.position_at(connection, recording.id, at_s)
        first = place - place % SEGMENTS_ON_PAGE
    first = min(first, max(0, head.total - 1))
    found = await transcript_pages_store.segments(connection, recording.id, first, SEGMENTS_ON_PAGE)
    return TranscriptPage(recording, head, first, found)
