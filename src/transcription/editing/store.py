"""Heads of transcripts and rows of ``transcript_versions``: what a change replaced is kept, not whole transcripts."""

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

from psycopg.types.json import Jsonb

import transcripts_store
from datamodels import RecordingId, Segment, UserId, Value
from db import Connection
from transcription.editing.values import ChangeKind, LastEdit, Revision, VersionInfo

_LOCK_HEAD = """
    SELECT
        transcripts.version, content_hash, names, coalesce(asked_by, '') AS asked_by, change, before, hash_before, undo,
        origin, redo
    FROM transcripts LEFT JOIN transcript_versions USING (recording_id, version)
    WHERE transcripts.recording_id = %(recording_id)s FOR UPDATE OF transcripts
"""
_SELECT_STANDING = """
    SELECT
        transcripts.version AS current, head.undo IS NOT NULL AS can_undo, head.redo -> 'origin' AS redoes,
        made.version, made.change, users.name AS author, made.made_at,
        coalesce(
            (SELECT min(key::integer) FROM jsonb_object_keys(made.undo -> 'segments') AS key),
            (made.undo -> 'splice' -> 'first')::integer
        ) AS position,
        (
            SELECT CASE WHEN bool_or(change IN ('split', 'joined')) THEN max(version) ELSE 0 END
            FROM transcript_versions AS moving
            WHERE moving.recording_id = transcripts.recording_id
                AND moving.change IN ('split', 'joined', 'undone', 'redone')
        ) AS moved
    FROM transcripts
    LEFT JOIN transcript_versions AS head USING (recording_id, version)
    LEFT JOIN transcript_versions AS made ON made.recording_id = head.recording_id AND made.version = head.origin
    LEFT JOIN users ON users.id = made.author_id
    WHERE transcripts.recording_id = %(recording_id)s
"""
_SELECT_CONTENT_HASH = "SELECT content_hash FROM transcripts WHERE recording_id = %(recording_id)s"
_SELECT_HISTORY = """
    SELECT version, change, users.name AS author, made_at
    FROM transcript_versions LEFT JOIN users ON users.id = author_id
    WHERE recording_id = %(recording_id)s ORDER BY version DESC LIMIT %(limit)s
"""
_SELECT_VOICE_OF_ROLES = """
    SELECT FROM transcript_segments WHERE recording_id = %(recording_id)s
    GROUP BY coalesce(speaker, '') HAVING count(DISTINCT coalesce(role, chr(1))) > 1 LIMIT 1
"""
_COUNT_SEGMENTS = "SELECT count(*) AS count FROM transcript_segments WHERE recording_id = %(recording_id)s"
_UPDATE_SEGMENT = """
    UPDATE transcript_segments SET speaker = %(speaker)s, role = %(role)s, text = %(text)s, words = %(words)s
    WHERE recording_id = %(recording_id)s AND position = %(position)s
"""
_UPDATE_HEAD = """
    UPDATE transcripts SET
        version = %(version)s, content_hash = %(content_hash)s, names = %(names)s,
        speakers = (
            SELECT count(DISTINCT speaker) FROM transcript_segments WHERE recording_id = %(recording_id)s
        )
    WHERE recording_id = %(recording_id)s
"""
# The version before knows no versions: after a way back to it, and here again, a number may be there already.
_PUT_VERSION = """
    INSERT INTO transcript_versions (
        recording_id, version, before, hash_before, change, author_id, asked_by, undo, origin, redo, is_filed
    ) VALUES (
        %(recording_id)s, %(version)s, %(before)s, %(hash_before)s, %(change)s, %(author)s, %(asked_by)s, %(undo)s,
        %(origin)s, %(redo)s, %(is_filed)s
    )
    ON CONFLICT (recording_id, version) DO UPDATE SET
        before = EXCLUDED.before, hash_before = EXCLUDED.hash_before, change = EXCLUDED.change,
        author_id = EXCLUDED.author_id, asked_by = EXCLUDED.asked_by, undo = EXCLUDED.undo,
        origin = EXCLUDED.origin, redo = EXCLUDED.redo, is_filed = EXCLUDED.is_filed, made_at = now()
"""
_MOVE_ALONG = """
    UPDATE transcript_versions SET version = version + 1, origin = version + 1
    WHERE recording_id = %(recording_id)s AND version = %(version)s
"""
_HAS_CHANGES = """
    SELECT EXISTS (
        SELECT FROM transcript_versions WHERE recording_id = %(recording_id)s AND change = ANY(%(changes)s)
    ) AS found
"""
# The limit first: however many recordings there are, only those are looked up.
_SELECT_UNFILED = """
    WITH unfiled AS MATERIALIZED (
        SELECT DISTINCT recording_id FROM transcript_versions WHERE NOT is_filed LIMIT %(limit)s
    )
    SELECT recordings.id, owner_id, transcripts.version
    FROM unfiled JOIN recordings ON recordings.id = unfiled.recording_id JOIN transcripts USING (recording_id)
"""
_NOTE_FILED = """
    UPDATE transcript_versions SET is_filed = true
    WHERE recording_id = %(recording_id)s AND version <= %(version)s AND NOT is_filed
"""
_OF_SPEAKERS = [ChangeKind.NAMED, ChangeKind.MERGED, ChangeKind.MOVED]


class Head(Value):
    """A transcript's state without its segments, and the row of its version, if there is one.

    ``undo`` has the names and the segments, or the whole transcript, that version ``before`` had; ``origin`` is the
    version of the edit that it takes back. ``redo`` has what was undone, and the version whose row it leads to.
    """

    version: int
    content_hash: str
    names: Mapping[str, str]
    asked_by: str = ""
    change: ChangeKind | None = None
    before: int | None = None
    hash_before: str | None = None
    undo: Mapping[str, Any] | None = None
    origin: int | None = None
    redo: Mapping[str, Any] | None = None

    @property
    def can_undo(self) -> bool:
        return self.undo is not None

    @property
    def redoes(self) -> int | None:
        """The version of the edit that can be done again."""
        return None if self.redo is None else self.redo["origin"]


class Standing(NamedTuple):
    """Of which version a transcript is, and what can be undone and redone, as ``OpenTranscript`` has it."""

    version: int
    can_undo: bool
    last: LastEdit | None
    redoes: int | None
    moved: int


class Occasion(NamedTuple):
    """Who made a change, which one, and the event that asked for it, "" for none."""

    author: UserId
    change: ChangeKind
    asked_by: str


async def lock_head(connection: Connection, recording_id: RecordingId) -> Head | None:
    """Load and lock the head of a transcript; None when there is no transcript."""
    row = await (await connection.execute(_LOCK_HEAD, {"recording_id": recording_id})).fetchone()
    return None if row is None else Head.model_validate(row)


async def find_standing(connection: Connection, recording_id: RecordingId) -> Standing | None:
    """Load the version of a transcript, and what can be undone; None when there is no transcript."""
    row = await (await connection.execute(_SELECT_STANDING, {"recording_id": recording_id})).fetchone()
    if row is None:
        return None
    is_known = row["version"] is not None
    last = LastEdit.model_validate({name: row[name] for name in LastEdit.model_fields}) if is_known else None
    return Standing(row["current"], row["can_undo"], last, row["redoes"], row["moved"])


async def find_content_hash(connection: Connection, recording_id: RecordingId) -> str | None:
    """Load the hash of what reports are written from; None when there is no transcript."""
    row = await (await connection.execute(_SELECT_CONTENT_HASH, {"recording_id": recording_id})).fetchone()
    return None if row is None else row["content_hash"]


async def list_versions(connection: Connection, recording_id: RecordingId, limit: int) -> list[VersionInfo]:
    """Load the latest versions, the newest first."""
    cursor = await connection.execute(_SELECT_HISTORY, {"recording_id": recording_id, "limit": limit})
    return [VersionInfo.model_validate(row) async for row in cursor]


async def has_voice_of_roles(connection: Connection, recording_id: RecordingId) -> bool:
    """Tell whether a voice has several roles, of which ``changes.by_speaker`` makes speakers of their own."""
    cursor = await connection.execute(_SELECT_VOICE_OF_ROLES, {"recording_id": recording_id})
    return await cursor.fetchone() is not None


async def load_at(connection: Connection, recording_id: RecordingId, positions: Sequence[int]) -> dict[int, Segment]:
    """Load the segments at those of ``positions``, in order, that there are."""
    cursor = await connection.execute(_COUNT_SEGMENTS, {"recording_id": recording_id})
    row = await cursor.fetchone()
    count = 0 if row is None else int(row["count"])
    there = [position for position in positions if 0 <= position < count]
    segments = await transcripts_store.load_segments(connection, recording_id, there)
    return dict(zip(there, segments, strict=True))


async def store_revision(
    connection: Connection,
    recording_id: RecordingId,
    head: Head,
    before: Mapping[int, Segment],
    revision: Revision,
    occasion: Occasion,
) -> Head:
    """Store an edit as the next version; ``before`` has the former segments at its positions. Return the new head."""
    names = head.names if revision.names is None else revision.names
    undo = {"names": dict(head.names), "segments": differences(before, than=revision.segments)}
    redo = {"names": dict(names), "segments": differences(revision.segments, than=before)}
    content = json.dumps([head.content_hash, redo], ensure_ascii=False, sort_keys=True)
    changed = revision.is_reported or bool(revision.segments)
    new = Head(
        version=head.version + 1,
        content_hash=sha256(content.encode()).hexdigest() if changed else head.content_hash,
        names=names,
        asked_by=occasion.asked_by,
        change=occasion.change,
        before=head.version,
        hash_before=head.content_hash,
        undo=undo,
        origin=head.version + 1,
    )
    await write_segments(connection, recording_id, revision.segments)
    await put_head(connection, recording_id, new, occasion)
    return new


async def keep_former(connection: Connection, recording_id: RecordingId) -> None:
    """Keep a transcript that people have corrected, before the product replaces it; call it before each replacement."""
    head = await lock_head(connection, recording_id)
    if head is None or head.change is None:
        return
    if head.change is ChangeKind.PROCESSED:
        await connection.execute(_MOVE_ALONG, {"recording_id": recording_id, "version": head.version})
        return
    former = await transcripts_store.load_transcript(connection, recording_id)
    assert former is not None  # noqa: S101
    parameters = {
        "recording_id": recording_id,
        "version": head.version + 1,
        "before": head.version,
        "hash_before": head.content_hash,
        "change": ChangeKind.PROCESSED,
        "author": None,
        "asked_by": "",
        "undo": Jsonb({"transcript": former.model_dump(mode="json")}),
        "origin": head.version + 1,
        "redo": None,
        "is_filed": True,
    }
    await connection.execute(_PUT_VERSION, parameters)


async def are_speakers_corrected(connection: Connection, recording_id: RecordingId) -> bool:
    """Tell whether a person has ever named, merged or moved speakers of the recording."""
    parameters = {"recording_id": recording_id, "changes": list(_OF_SPEAKERS)}
    row = await (await connection.execute(_HAS_CHANGES, parameters)).fetchone()
    return row is not None and bool(row["found"])


async def list_unfiled(connection: Connection, limit: int) -> list[tuple[RecordingId, UserId, int]]:
    """Load recordings whose file in the object store is older than the transcript: id, owner, version."""
    cursor = await connection.execute(_SELECT_UNFILED, {"limit": limit})
    return [(row["id"], row["owner_id"], row["version"]) async for row in cursor]


async def note_filed(connection: Connection, recording_id: RecordingId, version: int) -> None:
    """Note that the file in the object store is that of ``version`` or later."""
    await connection.execute(_NOTE_FILED, {"recording_id": recording_id, "version": version})


async def write_segments(connection: Connection, recording_id: RecordingId, segments: Mapping[int, Segment]) -> None:
    """Store what people can correct of segments that are there."""
    rows = [
        {
            "recording_id": recording_id,
            "position": position,
            **each.model_dump(include={"speaker", "role", "text"}),
            "words": transcripts_store.packed_words(each),
        }
        for position, each in segments.items()
    ]
    async with connection.cursor() as cursor:
        await cursor.executemany(_UPDATE_SEGMENT, rows)


async def put_head(connection: Connection, recording_id: RecordingId, head: Head, occasion: Occasion) -> None:
    """Make a head the transcript's, as a version of its own."""
    parameters = {
        "recording_id": recording_id,
        **head.model_dump(include={"version", "content_hash", "before", "hash_before", "origin"}),
        "names": Jsonb(dict(head.names)),
        "change": occasion.change,
        "author": occasion.author,
        "asked_by": occasion.asked_by,
        "undo": None if head.undo is None else Jsonb(dict(head.undo)),
        "redo": None if head.redo is None else Jsonb(dict(head.redo)),
        "is_filed": False,
    }
    await connection.execute(_UPDATE_HEAD, parameters)
    await connection.execute(_PUT_VERSION, parameters)


def differences(segments: Mapping[int, Segment], *, than: Mapping[int, Segment]) -> dict[str, dict[str, Any]]:
    """Return, by position, the fields of ``segments`` that are others than those of ``than``, which has all of them."""
    return {
        str(position): {
            name: value
            for name, value in each.model_dump(mode="json").items()
            if getattr(each, name) != getattr(than[position], name)
        }
        for position, each in segments.items()
    }
