"""A person's transcript, page by page."""

from typing import NamedTuple

import recordings_store
from datamodels import Recording, Segment, UserId
from db import Database
from recordings import transcript_pages_store
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
            head = await transcript_pages_store.find_head(connection, recording.id)
            if head is None:
                return TranscriptPage(recording, None, 0, [])
            if first is None:
                place = 0 if at_s is None else await transcript_pages_store.position_at(connection, recording.id, at_s)
                first = place - place % SEGMENTS_ON_PAGE
            first = min(first, max(0, head.total - 1))
            found = await transcript_pages_store.segments(connection, recording.id, first, SEGMENTS_ON_PAGE)
        return TranscriptPage(recording, head, first, found)
