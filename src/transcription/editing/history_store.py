"""Going back and forth between the versions of a transcript, and edits that move positions: splitting and joining."""

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

import transcripts_store
from datamodels import RecordingId, Segment, Transcript
from db import Connection
from transcription.editing import store
from transcription.editing.cutting import Shift, Splice

_SELECT_VERSION = """
    SELECT before, hash_before, undo, origin, redo FROM transcript_versions
    WHERE recording_id = %(recording_id)s AND version = %(version)s
"""
# An undoing of a splice has what would make it again, all others what would take theirs back.
_SELECT_SHIFTS = """
    SELECT
        (splice -> 'first')::integer AS first, (splice -> 'count')::integer AS count,
        jsonb_array_length(splice -> 'segments') AS others
    FROM (
        SELECT version, change, CASE change WHEN 'undone' THEN redo ELSE undo END -> 'splice' AS splice
        FROM transcript_versions
        WHERE recording_id = %(recording_id)s AND version > %(version)s
            AND change IN ('split', 'joined', 'undone', 'redone')
    ) AS spliced
    WHERE splice IS NOT NULL ORDER BY version
"""
_DELETE_STRETCH = """
    DELETE FROM transcript_segments
    WHERE recording_id = %(recording_id)s AND position >= %(first)s AND position < %(end)s
"""
_SET_ASIDE = """
    UPDATE transcript_segments SET position = -1 - position
    WHERE recording_id = %(recording_id)s AND position >= %(end)s
"""
_BRING_BACK = """
    UPDATE transcript_segments SET position = -1 - position + %(shift)s
    WHERE recording_id = %(recording_id)s AND position < 0
"""


async def store_splice(
    connection: Connection, recording_id: RecordingId, head: store.Head, splice: Splice, occasion: store.Occasion
) -> store.Head:
    """Store a splitting or joining as the next version; return the new head."""
    _, taken = await _put(connection, recording_id, {"segments": {}, "splice": _as_patch(splice)})
    content = json.dumps([head.content_hash, _as_patch(splice)], ensure_ascii=False, sort_keys=True)
    new = store.Head(
        version=head.version + 1,
        content_hash=sha256(content.encode()).hexdigest(),
        names=head.names,
        asked_by=occasion.asked_by,
        change=occasion.change,
        before=head.version,
        hash_before=head.content_hash,
        undo={"names": dict(head.names), **taken},
        origin=head.version + 1,
    )
    await store.put_head(connection, recording_id, new, occasion)
    return new


async def list_shifts(connection: Connection, recording_id: RecordingId, version: int) -> list[Shift]:
    """Load how positions moved since a version, the earliest first."""
    cursor = await connection.execute(_SELECT_SHIFTS, {"recording_id": recording_id, "version": version})
    return [Shift(row["first"], row["others"], row["count"]) async for row in cursor]


async def undo_version(
    connection: Connection, recording_id: RecordingId, head: store.Head, occasion: store.Occasion
) -> tuple[store.Head, dict[int, Segment] | None]:
    """Bring back what the head's version replaced, as the next version; undoing that one goes back further.

    Return the new head and the segments that changed; None for these when the whole transcript was replaced, which
    cannot be redone.
    """
    assert head.undo is not None  # noqa: S101
    earlier = await _row(connection, recording_id, head.before)
    if "transcript" in head.undo:
        former = Transcript.model_validate(head.undo["transcript"])
        await transcripts_store.save_transcript(connection, recording_id, former, head.hash_before or "")
        redo, segments, names = None, None, former.names
    else:
        segments, taken = await _put(connection, recording_id, head.undo)
        redo = {
            "version": head.version,
            "origin": head.origin,
            "hash": head.content_hash,
            "names": dict(head.names),
            **taken,
        }
        names = head.undo["names"]
    new = store.Head(
        version=head.version + 1,
        content_hash=head.hash_before or head.content_hash,
        names=names,
        asked_by=occasion.asked_by,
        change=occasion.change,
        **{**earlier, "redo": redo},
    )
    await store.put_head(connection, recording_id, new, occasion)
    return new, segments


async def redo_version(
    connection: Connection, recording_id: RecordingId, head: store.Head, occasion: store.Occasion
) -> tuple[store.Head, dict[int, Segment] | None]:
    """Do again what the head's version undid, as the next version; return the new head and what changed."""
    assert head.redo is not None  # noqa: S101
    undone = await _row(connection, recording_id, head.redo["version"])
    segments, _ = await _put(connection, recording_id, head.redo)
    new = store.Head(
        version=head.version + 1,
        content_hash=head.redo["hash"],
        names=head.redo["names"],
        asked_by=occasion.asked_by,
        change=occasion.change,
        **undone,
    )
    await store.put_head(connection, recording_id, new, occasion)
    return new, segments


async def _row(connection: Connection, recording_id: RecordingId, version: int | None) -> Mapping[str, Any]:
    """Load where a version can go back and forth; nothing for the engine's own."""
    parameters = {"recording_id": recording_id, "version": version}
    return await (await connection.execute(_SELECT_VERSION, parameters)).fetchone() or {}


async def _put(
    connection: Connection, recording_id: RecordingId, patch: Mapping[str, Any]
) -> tuple[dict[int, Segment] | None, Mapping[str, Any]]:
    """Write the fields of segments, or the segments in the place of others, that ``patch`` has.

    Return the changed segments, None where positions moved, and the patch that takes this back.
    """
    if splice := patch.get("splice"):
        first, there = splice["first"], range(splice["first"], splice["first"] + splice["count"])
        former = await transcripts_store.load_segments(connection, recording_id, there)
        put = [Segment.model_validate(each) for each in splice["segments"]]
        await _splice_segments(connection, recording_id, first, len(former), put)
        return None, {"segments": {}, "splice": _as_patch(Splice(first, put, former))}
    positions = sorted(map(int, patch["segments"]))
    loaded = await transcripts_store.load_segments(connection, recording_id, positions)
    now = dict(zip(positions, loaded, strict=True))
    segments = {position: _with(each, patch["segments"][str(position)]) for position, each in now.items()}
    await store.write_segments(connection, recording_id, segments)
    return segments, {"segments": store.differences(now, than=segments)}


def _as_patch(splice: Splice) -> dict[str, Any]:
    """Return how a splice is stored: how many segments are to go, and those that come."""
    segments = [each.model_dump(mode="json") for each in splice.after]
    return {"first": splice.first, "count": len(splice.before), "segments": segments}


async def _splice_segments(
    connection: Connection, recording_id: RecordingId, first: int, old: int, segments: Sequence[Segment]
) -> None:
    """Put ``segments`` in the place of ``old`` ones from position ``first`` on; those that follow move along."""
    place = {"recording_id": recording_id, "first": first, "end": first + old, "shift": len(segments) - old}
    await connection.execute(_DELETE_STRETCH, place)
    if place["shift"]:
        # In two steps: in one, positions would meet.
        await connection.execute(_SET_ASIDE, place)
        await connection.execute(_BRING_BACK, place)
    await transcripts_store.insert_segments(connection, recording_id, first, segments)


def _with(segment: Segment, fields: Mapping[str, Any]) -> Segment:
    return Segment.model_validate({**segment.model_dump(), **fields})
