"""Rows of ``progress_cards``; one query reads the data of all open cards."""

from collections.abc import Sequence
from typing import Any, LiteralString

from psycopg.rows import DictRow

from constants import NO_SCENARIO
from datamodels import RecordingId, ReportRunId, Stage, UserId, Value
from datamodels_telegram import CardKind, CardProgress, ChatId, IncomingFile, MessageId, ProgressCard
from db import Connection
from errors import NotFound
from random_ids import new_random_id

# The card of a file is also the card of the file's recording, as soon as there is a recording.
_CARD = """
    cards.id, cards.kind, cards.owner_id, cards.chat_id, cards.incoming_id,
    coalesce(cards.recording_id, incoming.recording_id) AS recording_id, cards.run_ids, cards.delivered,
    cards.message_id, cards.random_id, cards.sent_anew, cards.shown_hash, cards.final, cards.expected, cards.created_at
"""
_FROM = "progress_cards AS cards LEFT JOIN incoming_files AS incoming ON incoming.id = cards.incoming_id"

_INSERT = """
    INSERT INTO progress_cards (kind, owner_id, chat_id, incoming_id, recording_id, run_ids, random_id, expected)
    VALUES (
        %(kind)s, %(owner_id)s, %(chat_id)s, %(incoming_id)s, %(recording_id)s, %(run_ids)s, %(random_id)s, %(expected)s
    )
    ON CONFLICT (incoming_id) DO NOTHING
    RETURNING id
"""
_SELECT_BY_ID = f"SELECT {_CARD} FROM {_FROM} WHERE cards.id = %(id)s"
_SELECT_BY_INCOMING = f"SELECT {_CARD} FROM {_FROM} WHERE cards.incoming_id = %(incoming_id)s"
_SELECT_OWNED = f"{_SELECT_BY_ID} AND cards.owner_id = %(owner_id)s"
_SELECT_OPEN = f"""
    WITH line AS MATERIALIZED (
        SELECT
            queue_name, bool_or(status = 'doing') AS begun,
            row_number() OVER (ORDER BY max(priority) DESC, min(id)) - 1 AS ahead
        FROM procrastinate_jobs
        WHERE status IN ('todo', 'doing') AND priority <= 0 AND queue_name ~ '^[0-9a-f]{{32}}$'
        GROUP BY queue_name
    )
    SELECT
        {_CARD}, to_jsonb(incoming) AS incoming, (SELECT role FROM users WHERE users.id = cards.owner_id) AS role,
        recordings.number AS recording_number, sent_documents.number AS document_number,
        coalesce(nullif(recordings.scenario, %(no_scenario)s), incoming.scenario) AS scenario,
        coalesce(recordings.file_name, incoming.file ->> 'file_name', '') AS file_name,
        coalesce(recordings.size_bytes, (incoming.file ->> 'size_bytes')::bigint, 0) AS size_bytes,
        recordings.duration_s, recordings.stage, recordings.stage_at AS stage_since, recordings.error_code,
        recordings.error_text, recordings.retry_at, coalesce(line.ahead, 0) AS ahead,
        (SELECT words FROM spoken_words WHERE spoken_words.incoming_id = incoming.id) AS words,
        parts.done AS parts_done, parts.total AS parts_total, parts.heard AS parts_heard,
        runs.listed AS runs
    FROM {_FROM}
    LEFT JOIN recordings ON recordings.id = coalesce(cards.recording_id, incoming.recording_id)
    LEFT JOIN sent_documents ON sent_documents.incoming_id = incoming.id
    LEFT JOIN line
        ON line.queue_name = replace(recordings.id::text, '-', '')
        AND recordings.stage = %(waiting_stage)s AND NOT line.begun
    CROSS JOIN LATERAL (
        SELECT
            count(result) AS done, count(*) AS total,
            coalesce(sum(heard) FILTER (WHERE result IS NULL), 0) AS heard
        FROM recording_parts WHERE recording_id = recordings.id AND planned
    ) AS parts
    CROSS JOIN LATERAL (
        SELECT coalesce(
            jsonb_agg(
                jsonb_build_object(
                    'id', id, 'report_id', report_id, 'status', status, 'retry_at', retry_at,
                    'passes_done', passes_done, 'passes_total', passes_total,
                    'error_code', error_code, 'error_text', error_text,
                    'prompt_tokens', prompt_tokens, 'completion_tokens', completion_tokens,
                    'cost_usd', cost_usd, 'duration_s', duration_s,
                    'question', (SELECT question FROM research_runs WHERE run_id = report_runs.id)
                )
                ORDER BY array_position(cards.run_ids, id)
            ),
            '[]'
        ) AS listed
        FROM report_runs WHERE id = ANY(cards.run_ids)
    ) AS runs
    WHERE NOT cards.final AND (%(owner_id)s::uuid IS NULL OR cards.owner_id = %(owner_id)s)
    ORDER BY cards.id
"""
_SELECT_WITHOUT_CARD = """
    SELECT file_name, stage FROM recordings
    WHERE
        owner_id = %(owner_id)s AND stage <> %(last)s AND (error_code IS NULL OR retry_at IS NOT NULL)
        AND NOT EXISTS (
            SELECT FROM progress_cards AS cards LEFT JOIN incoming_files AS incoming ON incoming.id = cards.incoming_id
            WHERE NOT cards.final AND cards.owner_id = %(owner_id)s
            AND coalesce(cards.recording_id, incoming.recording_id) = recordings.id
        )
    ORDER BY number
"""
_OPEN_AGAIN = "UPDATE progress_cards SET final = false WHERE incoming_id = %(incoming_id)s"
# Such a card shows a moment of the past: nothing of it has been seen since.
_NOTE_CLOSED = "UPDATE progress_cards SET shown_hash = '', final = true WHERE id = %(id)s"
_BRING_BACK = "UPDATE progress_cards SET final = false WHERE owner_id = %(owner_id)s AND final AND shown_hash = ''"
_SELECT_IDS_OF_RECORDING = "SELECT id FROM progress_cards WHERE recording_id = %(recording_id)s"
_SELECT_UNDELIVERED = f"SELECT {_CARD} FROM {_FROM} WHERE cards.undelivered ORDER BY cards.id"
# A deleted run counts as ended: it has no outcome that could be waited for. A report of a worker gets its number, by
# which its file is asked for, a moment after it is done. When the archive fails, the report is delivered all the same.
_SELECT_DELIVERABLE = f"""
    SELECT {_CARD}, ended.ids AS ended
    FROM {_FROM}
    CROSS JOIN LATERAL (
        SELECT array_agg(ordered.id ORDER BY ordered.position) AS ids
        FROM unnest(cards.run_ids) WITH ORDINALITY AS ordered (id, position)
        LEFT JOIN report_runs AS runs ON runs.id = ordered.id
        WHERE NOT ordered.id = ANY(cards.delivered)
            AND coalesce(runs.status IN ('failed', 'cancelled') OR runs.status = 'done' AND (
                runs.number IS NOT NULL OR runs.finished_at < now() - interval '30 seconds'
            ), true)
    ) AS ended
    WHERE cards.undelivered AND ended.ids IS NOT NULL
    ORDER BY cards.id
"""
_NOTE_SENT = """
    UPDATE progress_cards SET message_id = %(message_id)s, shown_hash = %(shown_hash)s WHERE id = %(id)s
"""
_NOTE_SHOWN = "UPDATE progress_cards SET shown_hash = %(shown_hash)s, final = %(final)s WHERE id = %(id)s"
# Only once: a person who deletes the card a second time does not want it.
_SEND_ANEW = """
    UPDATE progress_cards SET
        message_id = CASE WHEN sent_anew THEN message_id END, random_id = %(random_id)s, final = sent_anew,
        sent_anew = true
    WHERE id = %(id)s
"""
_NOTE_DELIVERED = """
    UPDATE progress_cards SET delivered = delivered || %(run_ids)s::uuid[]
    WHERE id = %(id)s AND NOT delivered && %(run_ids)s::uuid[]
    RETURNING id
"""
# A report that another card will deliver is only shown on this one.
_PUT_IN_PLACE = """
    UPDATE progress_cards AS cards SET
        run_ids = array_replace(cards.run_ids, %(before)s, %(after)s),
        delivered = CASE WHEN EXISTS (
            SELECT FROM progress_cards AS others
            WHERE others.undelivered AND others.owner_id = cards.owner_id
                AND %(after)s = ANY(others.run_ids) AND NOT %(after)s = ANY(others.delivered)
        ) THEN cards.delivered || %(after)s ELSE cards.delivered END
    WHERE cards.undelivered AND %(before)s = ANY(cards.run_ids) AND NOT %(before)s = ANY(cards.delivered)
"""
# A card that says that everything is done stays as it is. One that was never sent goes with its recording.
_TELL_DELETION = """
    UPDATE progress_cards AS cards SET recording_id = NULL, final = false
    WHERE message_id IS NOT NULL AND (
        (
            kind = 'recording'
            AND (recording_id = %(recording_id)s OR incoming_id IN (
                SELECT id FROM incoming_files WHERE recording_id = %(recording_id)s AND NOT known
            ))
            AND EXISTS (
                SELECT FROM recordings
                WHERE id = %(recording_id)s AND (error_code IS NOT NULL OR stage <> %(last_stage)s OR NOT cards.final)
            )
        ) OR (
            kind = 'reports' AND recording_id = %(recording_id)s
            AND EXISTS (
                SELECT FROM report_runs WHERE id = ANY(cards.run_ids) AND (status <> 'done' OR NOT cards.final)
            )
        )
    )
"""


class Deliverable(Value):
    """A card of reports. ``ended`` are the reports to deliver now, in the order of the card."""

    card: ProgressCard
    ended: tuple[ReportRunId, ...]


async def add_incoming_card(connection: Connection, incoming: IncomingFile) -> ProgressCard:
    """Add the card of a file that was sent; return the file's card when it has one already."""
    return await _insert(
        connection, CardKind.RECORDING, incoming.owner_id, incoming.chat_id, {"incoming_id": incoming.id}
    )


async def open_again(connection: Connection, incoming_id: int) -> None:
    """Let the card of a file change again: there is work on the file once more."""
    await connection.execute(_OPEN_AGAIN, {"incoming_id": incoming_id})


async def note_closed(connection: Connection, card_id: int) -> None:
    """Note that the chat of a card is closed: it does not change until its person is back."""
    await connection.execute(_NOTE_CLOSED, {"id": card_id})


async def bring_back(connection: Connection, owner: UserId) -> int:
    """Let the cards change again that a closed chat refused; return how many there are."""
    return (await connection.execute(_BRING_BACK, {"owner_id": owner})).rowcount


async def add_recording_card(
    connection: Connection, owner: UserId, chat: ChatId, recording_id: RecordingId
) -> ProgressCard:
    """Add a card for a recording that is worked on again."""
    return await _insert(connection, CardKind.RECORDING, owner, chat, {"recording_id": recording_id})


async def add_reports_card(
    connection: Connection,
    owner: UserId,
    chat: ChatId,
    recording_id: RecordingId | None,
    run_ids: Sequence[ReportRunId],
    expected: str | None = None,
) -> ProgressCard:
    """Add the card of reports that were ordered together, of no recording for a research.

    ``expected`` says in words what they will take. Each will be delivered, even one that is done already.
    """
    ordered = {"recording_id": recording_id, "run_ids": list(dict.fromkeys(run_ids)), "expected": expected}
    return await _insert(connection, CardKind.REPORTS, owner, chat, ordered)


async def get(connection: Connection, owner: UserId, card_id: int) -> ProgressCard:
    """Load a card for its owner.

    Raises:
        NotFound: the owner has no such card.
    """
    return await _one(connection, _SELECT_OWNED, {"owner_id": owner, "id": card_id})


async def open_cards(connection: Connection, owner: UserId | None = None) -> list[CardProgress]:
    """Load the owner's cards that may still change, oldest first, each with the data that it shows.

    Load everybody's cards when ``owner`` is None.
    """
    parameters = {"no_scenario": NO_SCENARIO, "owner_id": owner, "waiting_stage": Stage.STORED}
    return [_progress(row) async for row in await connection.execute(_SELECT_OPEN, parameters)]


async def list_without_card(connection: Connection, owner: UserId) -> list[tuple[str, Stage]]:
    """Load file name and last stage of the owner's recordings that are at work again and on no open card."""
    parameters = {"owner_id": owner, "last": Stage.DONE}
    rows = await connection.execute(_SELECT_WITHOUT_CARD, parameters)
    return [(row["file_name"], Stage(row["stage"])) async for row in rows]


async def ids_of(connection: Connection, recording_id: RecordingId) -> list[int]:
    """Load the ids of the cards that were made for the recording or its reports; not the card of its file."""
    cursor = await connection.execute(_SELECT_IDS_OF_RECORDING, {"recording_id": recording_id})
    return [row["id"] async for row in cursor]


async def undelivered(connection: Connection) -> list[ProgressCard]:
    """Load the cards of which an ordered report, ended or not, is not in the outbox yet, oldest first."""
    return [ProgressCard.model_validate(row) async for row in await connection.execute(_SELECT_UNDELIVERED)]


async def deliverable(connection: Connection) -> list[Deliverable]:
    """Load the cards with ordered reports that have ended and are not in the outbox yet, oldest first."""
    return [_deliverable(row) async for row in await connection.execute(_SELECT_DELIVERABLE)]


async def note_sent(connection: Connection, card_id: int, message_id: MessageId, shown_hash: str) -> None:
    """Note the message by which the card was sent, and what the card shows."""
    await connection.execute(_NOTE_SENT, {"id": card_id, "message_id": message_id, "shown_hash": shown_hash})


async def note_shown(connection: Connection, card_id: int, shown_hash: str, *, final: bool = False) -> None:
    """Note what the card shows, and whether it will not change any more."""
    await connection.execute(_NOTE_SHOWN, {"id": card_id, "shown_hash": shown_hash, "final": final})


async def send_anew(connection: Connection, card_id: int) -> None:
    """Mark a card whose message is gone for sending again; when the second message is gone too, make the card final."""
    await connection.execute(_SEND_ANEW, {"id": card_id, "random_id": new_random_id()})


async def note_delivered(connection: Connection, card_id: int, run_id: ReportRunId) -> bool:
    """Note that the outcome of an ordered report is in the outbox; return False when this was noted before."""
    parameters = {"id": card_id, "run_ids": [run_id]}
    return await (await connection.execute(_NOTE_DELIVERED, parameters)).fetchone() is not None


async def tell_deletion(connection: Connection, recording_id: RecordingId) -> None:
    """Have the cards of unfinished or stopped work on a recording say that it is deleted.

    The caller deletes the recording in the same transaction.
    """
    await connection.execute(_TELL_DELETION, {"recording_id": recording_id, "last_stage": Stage.DONE})


async def put_in_place(connection: Connection, before: ReportRunId, after: ReportRunId) -> None:
    """Have undelivered cards show and deliver the report ``after`` in the place of ``before``."""
    await connection.execute(_PUT_IN_PLACE, {"before": before, "after": after})


async def _insert(
    connection: Connection, kind: CardKind, owner: UserId, chat: ChatId, about: dict[str, Any]
) -> ProgressCard:
    parameters = {
        "kind": kind,
        "owner_id": owner,
        "chat_id": chat,
        "incoming_id": None,
        "recording_id": None,
        "run_ids": [],
        "random_id": new_random_id(),
        "expected": None,
        **about,
    }
    inserted = await (await connection.execute(_INSERT, parameters)).fetchone()
    if inserted is None:
        return await _one(connection, _SELECT_BY_INCOMING, parameters)
    return await _one(connection, _SELECT_BY_ID, inserted)


async def _one(connection: Connection, query: LiteralString, parameters: dict[str, Any]) -> ProgressCard:
    row = await (await connection.execute(query, parameters)).fetchone()
    if row is None:
        raise NotFound(what=f"card {parameters.get('id')}")
    return ProgressCard.model_validate(row)


def _progress(row: DictRow) -> CardProgress:
    card = {name: row.pop(name) for name in ProgressCard.model_fields}
    return CardProgress.model_validate({"card": card, **row})


def _deliverable(row: DictRow) -> Deliverable:
    ended = row.pop("ended")
    return Deliverable(card=ProgressCard.model_validate(row), ended=ended)
