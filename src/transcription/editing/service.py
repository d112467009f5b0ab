"""The service by which every front door corrects a transcript.

A front door opens a transcript and gets its version; each edit names the version that its person saw, and makes the
next one. An edit of an older version is refused with ``TranscriptChanged``, which tells the one there is now;
``version`` None takes whatever is there. An edit that is handled again, known by ``asked_by``, changes nothing twice.
Positions of segments stay the same, but for splitting and joining, and for undoing and redoing these; afterwards,
and when a transcript was processed anew, it is to be opened anew. Files, exports, answers and new reports are made
from what is there; the index of questions follows by the database's triggers, the file in the object store by
``filing``.
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
from transcription.editing import changes, cutting, history_store, store
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
        """Load a transcript to be corrected, without its words' times; its speakers are those of ``speakers_of``."""
        async with self._database.transaction() as connection:
            recording = await recordings_store.get_by_number(connection, owner, number)
            if recording.stage is not Stage.DONE:
                raise TranscriptUnfinished(number=number)
            # The version before the segments: of a change in between, an edit learns.
            standing = await store.find_standing(connection, recording.id)
            transcript = await transcripts_store.load_transcript(connection, recording.id, words=False)
        if standing is None or transcript is None:
            raise NotFound(what=f"transcript of {recording.id}")
        return OpenTranscript(recording, await asyncio.to_thread(changes.by_speaker, transcript), *standing)

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
        self,
        owner: UserId,
        number: int,
        version: int | None,
        said: Mapping[int, str],
        asked_by: str = "",
        marks: Mapping[int, str] | None = None,
    ) -> Edited:
        """Replace the texts of segments by position, "" where nothing was said.

        Words that stay keep their times, the others share the time between these. Of a long transcript only these
        segments are read: people type, and each pause is an edit. ``marks``, if any, take the version's place: a text
        is refused where neither the text of its mark stands, nor itself. Positions are those of the version.
        """
        async with self._database.transaction() as connection:
            wanted = version if marks is None else None
            recording, head = await self._current(connection, owner, number, wanted, asked_by)
            if asked_by and head.asked_by == asked_by:
                return _edited(head, None)
            shifts = await history_store.list_shifts(connection, recording.id, version or head.version)
            said = {cutting.moved_by(shifts, position): text for position, text in said.items()}
            there = await store.load_at(connection, recording.id, sorted(said))
            if marks is not None:
                marks = {cutting.moved_by(shifts, position): mark for position, mark in marks.items()}
                _check(there, said, marks, number, head.version)
                version = head.version
            if not await store.has_voice_of_roles(connection, recording.id):
                revision = await asyncio.to_thread(changes.with_texts_of, there, said)
                if not revision.segments:
                    return _edited(head, None if shifts else {})
                before = {position: there[position] for position in revision.segments}
                occasion = store.Occasion(owner, ChangeKind.WORDS, asked_by)
                head = await store.store_revision(connection, recording.id, head, before, revision, occasion)
                return _edited(head, None if shifts else revision.segments)

        def with_texts(transcript: Transcript) -> Revision:
            return changes.with_texts(transcript, said)

        # Each role of a voice is to become a speaker of its own, which all segments tell.
        edited = await self._edit(owner, number, version, with_texts, ChangeKind.WORDS, asked_by)
        return edited._replace(segments=None) if shifts else edited

    async def replace_turn(
        self,
        owner: UserId,
        number: int,
        version: int | None,
        first: int,
        last: int,
        text: str,
        asked_by: str = "",
        mark: str = "",
    ) -> Edited:
        """Replace what is said in the segments from ``first`` to ``last``, both included, by one text.

        With a ``mark``, that of what was said there when a person was asked, anything else is refused as ``BadText``.
        """

        def with_turn(transcript: Transcript) -> Revision:
            return changes.with_turn(transcript, first, last, text, mark)

        return await self._edit(owner, number, version, with_turn, ChangeKind.WORDS, asked_by)

    async def split(
        self, owner: UserId, number: int, version: int | None, position: int, said: str, asked_by: str = ""
    ) -> Edited:
        """Make two segments of one, the first with the text ``said``, with which it begins."""

        def halves(segments: Sequence[Segment]) -> Sequence[Segment]:
            return cutting.split(segments[0], said)

        return await self._splice(owner, number, version, (position, 1), halves, ChangeKind.SPLIT, asked_by)

    async def join(self, owner: UserId, number: int, version: int | None, position: int, asked_by: str = "") -> Edited:
        """Make one segment of the one at ``position`` and the one before, whose speaker it keeps."""

        def whole(segments: Sequence[Segment]) -> Sequence[Segment]:
            return [cutting.joined(*segments)]

        return await self._splice(owner, number, version, (position - 1, 2), whole, ChangeKind.JOINED, asked_by)

    async def _splice(
        self,
        owner: UserId,
        number: int,
        version: int | None,
        stretch: tuple[int, int],
        change: Callable[[Sequence[Segment]], Sequence[Segment]],
        kind: ChangeKind,
        asked_by: str,
    ) -> Edited:
        """Put what ``change`` makes of segments, ``stretch`` the first and how many, in their place."""
        first, count = stretch
        async with self._database.transaction() as connection:
            recording, head = await self._current(connection, owner, number, version, asked_by)
            if asked_by and head.asked_by == asked_by:
                return _edited(head, None)
            there = await store.load_at(connection, recording.id, range(first, first + count))
            if len(there) < count:
                raise NotFound(what=f"segments {first}")
            before = list(there.values())
            splice = cutting.Splice(first, before, change(before))
            occasion = store.Occasion(owner, kind, asked_by)
            head = await history_store.store_splice(connection, recording.id, head, splice, occasion)
        return _edited(head, None)

    async def place_of(self, owner: UserId, number: int, version: int, position: int) -> int:
        """Return where the segment is by now that was at ``position`` in a version."""
        async with self._database.transaction() as connection:
            recording = await recordings_store.get_by_number(connection, owner, number)
            return cutting.moved_by(await history_store.list_shifts(connection, recording.id, version), position)

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
        return await self._turn(owner, number, version, ChangeKind.UNDONE, asked_by)

    async def redo(self, owner: UserId, number: int, version: int | None, asked_by: str = "") -> Edited:
        """Do again what ``undo`` took back last; refused once something else was changed."""
        return await self._turn(owner, number, version, ChangeKind.REDONE, asked_by)

    async def _turn(self, owner: UserId, number: int, version: int | None, kind: ChangeKind, asked_by: str) -> Edited:
        async with self._database.transaction() as connection:
            recording, head = await self._current(connection, owner, number, version, asked_by)
            if asked_by and head.asked_by == asked_by:
                return _edited(head, None)
            back = kind is ChangeKind.UNDONE
            if (head.undo if back else head.redo) is None:
                raise BadText(reason=texts.editing.NOTHING_TO_UNDO if back else texts.editing.NOTHING_TO_REDO)
            turn = history_store.undo_version if back else history_store.redo_version
            head, segments = await turn(connection, recording.id, head, store.Occasion(owner, kind, asked_by))
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


def _check(
    there: Mapping[int, Segment], said: Mapping[int, str], marks: Mapping[int, str], number: int, version: int
) -> None:
    """Raise ``TranscriptChanged`` where the text ``there`` is neither that of its mark nor what is to be said."""
    for position, each in there.items():
        if changes.mark_of(each.text) not in (marks.get(position), changes.mark_of(said[position])):
            raise TranscriptChanged(number=number, version=version)


def _edited(head: store.Head, segments: Mapping[int, Segment] | None) -> Edited:
    return Edited(head.version, head.can_undo, segments, head.names, head.origin, head.redoes)
