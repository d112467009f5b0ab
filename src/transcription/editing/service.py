"""The service by which every front door corrects a transcript.

A front door opens a transcript and gets its version; each edit names the version that its person saw, and makes the
next one. An edit of an older version is refused with ``TranscriptChanged``, which tells the one there is now;
``version`` None takes whatever is there. An edit that is handled again, known by ``asked_by``, changes nothing twice.
Positions of segments stay the same through all edits and undoings; a transcript that was processed anew is to be
opened anew. Files, exports, answers and new reports are made from what is there; the index of questions follows by
the database's triggers, the file in the object store by ``filing``.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence

import recordings_store
import texts.editing
import transcripts_store
from constants import NO_SCENARIO
from datamodels import Recording, Segment, Stage, Transcript, UserId
from db import Connection, Database
from errors import BadText, NotFound
from errors_of_operation import TranscriptChanged, TranscriptUnfinished
from prompt_pack.models import ReportPack
from transcription.editing import changes, store
from transcription.editing.values import (
    ChangeKind,
    Edited,
    Found,
    OpenTranscript,
    Revision,
    Search,
    VersionInfo,
)

_SHOWN_VERSIONS = 50

Change = Callable[[Transcript], Revision]


class TranscriptEditing:
    """Corrects transcripts of the person ``owner``, whose recording has the ``number``.

    Raises, in every method:
        NotFound: the owner has no such recording, or it has no such speaker, role or segment.
        TranscriptUnfinished: the recording is not transcribed yet, or is being processed again.

    Every edit also raises:
        TranscriptChanged: the transcript is not of ``version`` any more; nothing was changed.
        BadText: what was typed does not do.
    """

    def __init__(self, database: Database, pack: ReportPack) -> None:
        self._database = database
        self._pack = pack

    async def open(self, owner: UserId, number: int) -> OpenTranscript:
        """Load a transcript to be corrected; its speakers are those of ``changes.speakers_of``."""
        async with self._database.transaction() as connection:
            recording = await recordings_store.get_by_number(connection, owner, number)
            if recording.stage is not Stage.DONE:
                raise TranscriptUnfinished(number=number)
            # The version before the segments: of a change in between, an edit learns.
            head = await store.find_version(connection, recording.id)
            transcript = await transcripts_store.load_transcript(connection, recording.id)
        if head is None or transcript is None:
            raise NotFound(what=f"transcript of {recording.id}")
        version, can_undo = head
        return OpenTranscript(recording, await asyncio.to_thread(changes.by_speaker, transcript), version, can_undo)

    async def history(self, owner: UserId, number: int) -> Sequence[VersionInfo]:
        """Load the latest versions, at most fifty, the newest first; the engine's own is not among them."""
        async with self._database.transaction() as connection:
            recording = await recordings_store.get_by_number(connection, owner, number)
            return await store.list_versions(connection, recording.id, _SHOWN_VERSIONS)

    def roles(self, recording: Recording) -> Sequence[str]:
        """Return the labels that can be chosen as roles in a recording, by its scenario; none without one."""
        if recording.request.scenario == NO_SCENARIO:
            return ()
        scenario = self._pack.find_scenario(recording.request.scenario)
        return () if scenario is None else [role.label for role in scenario.roles]

    async def name_speaker(
        self, owner: UserId, number: int, version: int | None, speaker: str, name: str, asked_by: str = ""
    ) -> Edited:
        """Say who a speaker (S1, S2, …) is, everywhere; "" takes the name away."""

        def named(transcript: Transcript) -> Revision:
            return changes.named(transcript, speaker, name)

        return await self._edit(owner, number, version, named, ChangeKind.NAMED, asked_by)

    async def choose_role(
        self, owner: UserId, number: int, version: int | None, speaker: str, role: str | None, asked_by: str = ""
    ) -> Edited:
        """Give a speaker one of ``roles``, or none."""
        async with self._database.transaction() as connection:
            recording = await recordings_store.get_by_number(connection, owner, number)
        allowed = self.roles(recording)

        def with_role(transcript: Transcript) -> Revision:
            return changes.with_role(transcript, speaker, role, allowed)

        return await self._edit(owner, number, version, with_role, ChangeKind.ROLE, asked_by)

    async def merge(
        self, owner: UserId, number: int, version: int | None, speaker: str, into: str, asked_by: str = ""
    ) -> Edited:
        """Make ``speaker`` and ``into`` one speaker, who has the latter's id, role and name."""

        def merged(transcript: Transcript) -> Revision:
            return changes.merged(transcript, speaker, into)

        return await self._edit(owner, number, version, merged, ChangeKind.MERGED, asked_by)

    async def move(
        self,
        owner: UserId,
        number: int,
        version: int | None,
        positions: Collection[int],
        speaker: str,
        asked_by: str = "",
    ) -> Edited:
        """Give segments, such as those of a turn, to another speaker, or to ``values.NEW_SPEAKER``."""

        def moved(transcript: Transcript) -> Revision:
            return changes.moved(transcript, positions, speaker)

        return await self._edit(owner, number, version, moved, ChangeKind.MOVED, asked_by)

    async def replace_texts(
        self, owner: UserId, number: int, version: int | None, said: Mapping[int, str], asked_by: str = ""
    ) -> Edited:
        """Replace the texts of segments by position, "" where nothing was said.

        Words that stay keep their times, the others share the time between these. Of a long transcript only these
        segments are read: people type, and each pause is an edit.
        """
        async with self._database.transaction() as connection:
            recording, head = await self._current(connection, owner, number, version, asked_by)
            if asked_by and head.asked_by == asked_by:
                return _edited(head, None)
            if not await store.has_voice_of_roles(connection, recording.id):
                there = await store.load_at(connection, recording.id, sorted(said))
                revision = await asyncio.to_thread(changes.with_texts_of, there, said)
                if not revision.segments:
                    return _edited(head, {})
                before = {position: there[position] for position in revision.segments}
                occasion = store.Occasion(owner, ChangeKind.WORDS, asked_by)
                head = await store.store_revision(connection, recording.id, head, before, revision, occasion)
                return _edited(head, revision.segments)

        def with_texts(transcript: Transcript) -> Revision:
            return changes.with_texts(transcript, said)

        # Each role of a voice is to become a speaker of its own, which all segments tell.
        return await self._edit(owner, number, version, with_texts, ChangeKind.WORDS, asked_by)

    async def replace_turn(
        self, owner: UserId, number: int, version: int | None, first: int, last: int, text: str, asked_by: str = ""
    ) -> Edited:
        """Replace what is said in the segments from ``first`` to ``last``, both included, by one text."""

        def with_turn(transcript: Transcript) -> Revision:
            return changes.with_turn(transcript, first, last, text)

        return await self._edit(owner, number, version, with_turn, ChangeKind.WORDS, asked_by)

    async def find(self, owner: UserId, number: int, search: Search) -> Sequence[Found]:
        """Return where words stand, by segment."""
        opened = await self.open(owner, number)
        return await asyncio.to_thread(changes.found, opened.transcript, search)

    async def replace_all(
        self,
        owner: UserId,
        number: int,
        version: int | None,
        search: Search,
        replacement: str,
        positions: Collection[int] | None = None,
        asked_by: str = "",
    ) -> Edited:
        """Replace what ``find`` finds, everywhere or in the segments at ``positions``; else nothing changes."""

        def replaced(transcript: Transcript) -> Revision:
            return changes.replaced(transcript, search, replacement, positions)

        return await self._edit(owner, number, version, replaced, ChangeKind.REPLACED, asked_by)

    async def undo(self, owner: UserId, number: int, version: int | None, asked_by: str = "") -> Edited:
        """Go one change back; done again, one further. The undoing is a version, too: nothing is lost by it."""
        async with self._database.transaction() as connection:
            recording, head = await self._current(connection, owner, number, version, asked_by)
            if asked_by and head.asked_by == asked_by:
                return _edited(head, None)
            if not head.can_undo:
                raise BadText(reason=texts.editing.NOTHING_TO_UNDO)
            occasion = store.Occasion(owner, ChangeKind.UNDONE, asked_by)
            head, segments = await store.undo_version(connection, recording.id, head, occasion)
        return _edited(head, segments)

    async def _edit(
        self, owner: UserId, number: int, version: int | None, change: Change, kind: ChangeKind, asked_by: str
    ) -> Edited:
        async with self._database.transaction() as connection:
            recording, head = await self._current(connection, owner, number, version, asked_by)
            if asked_by and head.asked_by == asked_by:
                return _edited(head, None)
            stored = await transcripts_store.load_transcript(connection, recording.id)
            if stored is None:
                raise NotFound(what=f"transcript of {recording.id}")
            before, revision = await asyncio.to_thread(_changed, stored, change)
            if not revision.segments and revision.names in (None, head.names):
                return _edited(head, {})
            occasion = store.Occasion(owner, kind, asked_by)
            head = await store.store_revision(connection, recording.id, head, before, revision, occasion)
        return _edited(head, revision.segments)

    async def _current(
        self, connection: Connection, owner: UserId, number: int, version: int | None, asked_by: str
    ) -> tuple[Recording, store.Head]:
        """Do what ``_locked`` does, and refuse an edit of another ``version`` that ``asked_by`` has not made yet."""
        recording, head = await self._locked(connection, owner, number)
        if version is not None and head.version != version and not (asked_by and head.asked_by == asked_by):
            raise TranscriptChanged(number=number, version=head.version)
        return recording, head

    async def _locked(self, connection: Connection, owner: UserId, number: int) -> tuple[Recording, store.Head]:
        """Lock recording and transcript, so that no job replaces the transcript meanwhile."""
        found = await recordings_store.get_by_number(connection, owner, number)
        recording = await recordings_store.lock_recording(connection, owner, found.id)
        if recording.stage is not Stage.DONE:
            raise TranscriptUnfinished(number=number)
        head = await store.lock_head(connection, recording.id)
        if head is None:
            raise NotFound(what=f"transcript of {recording.id}")
        return recording, head


def _changed(stored: Transcript, change: Change) -> tuple[Mapping[int, Segment], Revision]:
    """Return the segments that an edit of a stored transcript changes, as they were, and the edit."""
    shown = changes.by_speaker(stored)
    wanted = change(shown)
    segments = changes.changed_from(stored.segments, wanted, shown.segments)
    return {position: stored.segments[position] for position in segments}, wanted._replace(segments=segments)


def _edited(head: store.Head, segments: Mapping[int, Segment] | None) -> Edited:
    return Edited(head.version, head.can_undo, segments, head.names)
