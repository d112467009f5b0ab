"""Rows of every table as the erasure of a person sees them: what is left, what changes hands, what goes in the end."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from psycopg.types.json import Jsonb

import texts.erasures
from datamodels import RecordingId, ReportRunId, UserId
from datamodels_telegram import ChatId
from db import Connection
from limits.values import start_of, this_month

_SELECT_RECORDINGS = "SELECT id FROM recordings WHERE owner_id = %(person)s ORDER BY number"
_SELECT_RESEARCH = "SELECT id FROM report_runs WHERE owner_id = %(person)s AND recording_id IS NULL ORDER BY created_at"
_SELECT_DOCUMENTS = "SELECT number FROM documents WHERE owner_id = %(person)s ORDER BY number"
_SELECT_SPOOLED = """
    SELECT 'incoming/' || id || '.part' AS path FROM incoming_files WHERE owner_id = %(person)s
    UNION ALL SELECT 'uploads/' || id FROM web_uploads WHERE owner_id = %(person)s
    UNION ALL SELECT 'outgoing/takeout-' || id FROM takeouts WHERE owner_id = %(person)s
    UNION ALL SELECT 'speech-' || replace(id::text, '-', '') FROM speeches WHERE owner_id = %(person)s
    UNION ALL SELECT 'words-' || replace(spoken_words.id::text, '-', '')
        FROM spoken_words JOIN incoming_files ON incoming_files.id = incoming_id WHERE owner_id = %(person)s
    UNION ALL SELECT 'words-' || replace(id::text, '-', '') FROM spoken_questions WHERE owner_id = %(person)s
"""
_SELECT_AWAITS_SERVICE = """
    SELECT EXISTS (
        SELECT FROM erasures WHERE person_id = %(person)s AND asked_at > now() - %(longest)s::interval
    ) AND (
        EXISTS (SELECT FROM avatars WHERE owner_id = %(person)s)
        OR EXISTS (SELECT FROM image_orders WHERE owner_id = %(person)s AND ended_at IS NULL)
    ) AS awaits
"""
_GIVE_DOCUMENTS = "UPDATE documents SET owner_id = %(heir)s, inherited = true WHERE owner_id = %(person)s"
_TAKE_NUMBER = """
    UPDATE users SET last_recording_number = last_recording_number + 1 WHERE id = %(heir)s
    RETURNING last_recording_number AS number
"""
_GIVE_RECORDING = (
    """
    UPDATE recordings SET owner_id = %(heir)s, number = %(number)s, inherited = true, updated_at = now()
    WHERE id = %(recording)s
    """,
    """
    UPDATE report_runs SET
        owner_id = %(heir)s, number = (%(numbers)s::jsonb ->> id::text)::integer, inherited = true
    WHERE recording_id = %(recording)s
    """,
    """
    UPDATE recording_wizards SET owner_id = %(heir)s, chat_id = %(chat)s, step = 'closed', updated_at = now()
    WHERE recording_id = %(recording)s
    """,
    "DELETE FROM recording_shares WHERE recording_id = %(recording)s AND person_id = %(heir)s",
    # They show what was sent in the chat of who is erased.
    "DELETE FROM progress_cards WHERE recording_id = %(recording)s",
    "DELETE FROM incoming_files WHERE recording_id = %(recording)s",
    "DELETE FROM web_uploads WHERE recording_id = %(recording)s",
)
# The hash finds the heir's own research when it is ordered again; one that was given beside it is found by nobody's.
_GIVE_RUN = """
    UPDATE report_runs SET owner_id = %(heir)s, number = (%(numbers)s::jsonb ->> id::text)::integer, inherited = true,
        input_hash = CASE WHEN EXISTS (
            SELECT FROM report_runs AS same
            WHERE same.owner_id = %(heir)s AND same.recording_id IS NULL AND same.input_hash = report_runs.input_hash
        ) THEN input_hash || ':' || id ELSE input_hash END
    WHERE id = %(run)s
"""
_DELETE_RUN = "DELETE FROM report_runs WHERE id = %(run)s"
_SELECT_LEFT = """
    SELECT
        EXISTS (SELECT FROM recordings WHERE owner_id = %(person)s)
        OR EXISTS (SELECT FROM report_runs WHERE owner_id = %(person)s)
        OR EXISTS (SELECT FROM documents WHERE owner_id = %(person)s)
        OR EXISTS (
            SELECT FROM seen_updates JOIN users ON telegram_id IN (person_id, chat_id)
            WHERE users.id = %(person)s AND done_at IS NULL
        ) AS there_is
"""
_ERASE = (
    # Who forwarded a message of this person's has the name with it.
    """
    UPDATE incoming_files SET origin = %(gone)s
    FROM users WHERE users.id = %(person)s AND origin = users.name AND origin <> ''
    """,
    "UPDATE transcript_versions SET author_id = NULL WHERE author_id = %(person)s",
    # Telegram may deliver it all once more.
    """
    INSERT INTO erased_chats (chat_hash, up_to)
    SELECT sha256(telegram_id::text::bytea), max(message_id)
    FROM users JOIN (
        SELECT chat_id, message_id FROM seen_updates UNION ALL SELECT chat_id, message_id FROM sent_messages
    ) AS messages ON chat_id = telegram_id
    WHERE users.id = %(person)s GROUP BY telegram_id
    ON CONFLICT (chat_hash) DO UPDATE SET up_to = excluded.up_to, erased_at = now()
    """,
    """
    DELETE FROM seen_updates USING users
    WHERE users.id = %(person)s AND (person_id = telegram_id OR chat_id = telegram_id)
    """,
    "DELETE FROM sent_messages USING users WHERE users.id = %(person)s AND chat_id = telegram_id",
    # What was decided about the person outlives them, and what counts of the month: who comes back has it again.
    """
    INSERT INTO erased_people (telegram_id, granted, is_blocked, limits)
    SELECT telegram_id, role_stays, block_stays, limits
    FROM users JOIN erasures ON person_id = users.id CROSS JOIN (
        SELECT coalesce(jsonb_object_agg(resource, amount), '{}') AS limits FROM person_limits
        WHERE person = %(person)s AND amount IS NOT NULL
    ) AS own
    WHERE users.id = %(person)s AND telegram_id IS NOT NULL
        AND (role_stays IS NOT NULL OR block_stays OR limits <> '{}')
    """,
    """
    INSERT INTO erased_uses (telegram_id, resource, month, amount)
    SELECT telegram_id, resource, month, sum(amount) FROM users, (
        SELECT resource, month, CASE state WHEN 'reserved' THEN greatest(reserved, used) ELSE used END AS amount
        FROM limit_uses WHERE owner_id = %(person)s AND month >= %(month)s
        UNION ALL SELECT kind, %(month)s, 1
        FROM image_orders WHERE owner_id = %(person)s AND quota <> 'released' AND created_at >= %(since)s
    ) AS uses
    WHERE users.id = %(person)s AND telegram_id IS NOT NULL
    GROUP BY telegram_id, resource, month HAVING sum(amount) > 0
    ON CONFLICT (telegram_id, resource, month) DO UPDATE SET amount = erased_uses.amount + EXCLUDED.amount
    """,
    # Everything else refers to the person, and goes with the row.
    "DELETE FROM users WHERE id = %(person)s",
)
_SELECT_NAMED_KEYS = "SELECT object_key FROM recordings WHERE object_key = ANY(%(keys)s)"


async def recordings_of(connection: Connection, person: UserId) -> Sequence[RecordingId]:
    return [row["id"] async for row in await connection.execute(_SELECT_RECORDINGS, {"person": person})]


async def research_of(connection: Connection, person: UserId) -> Sequence[ReportRunId]:
    return [row["id"] async for row in await connection.execute(_SELECT_RESEARCH, {"person": person})]


async def documents_of(connection: Connection, person: UserId) -> Sequence[int]:
    """Load the numbers of the documents that a person has loaded."""
    return [row["number"] async for row in await connection.execute(_SELECT_DOCUMENTS, {"person": person})]


async def spooled_of(connection: Connection, person: UserId) -> Sequence[str]:
    """Load the paths below the spool at which a person's files may be."""
    return [row["path"] async for row in await connection.execute(_SELECT_SPOOLED, {"person": person})]


async def awaits_service(connection: Connection, person: UserId, longest: timedelta) -> bool:
    """Tell whether the service of avatars has something of a person's, and was asked for no ``longest`` yet."""
    parameters = {"person": person, "longest": longest}
    row = await (await connection.execute(_SELECT_AWAITS_SERVICE, parameters)).fetchone()
    return bool(row and row["awaits"])


async def give_documents(connection: Connection, person: UserId, heir: UserId) -> None:
    await connection.execute(_GIVE_DOCUMENTS, {"person": person, "heir": heir})


async def take_number(connection: Connection, heir: UserId) -> int:
    """Take the heir's next number of a recording."""
    row = await (await connection.execute(_TAKE_NUMBER, {"heir": heir})).fetchone()
    assert row is not None  # noqa: S101  # an heir is not erased before what was left to them has come
    return int(row["number"])


async def give_recording(
    connection: Connection,
    recording: RecordingId,
    heir: UserId,
    chat: ChatId,
    number: int,
    reports: Mapping[ReportRunId, int],
) -> None:
    """Give a recording another owner and ``number``; ``reports`` are the numbers in the heir's archive."""
    numbers = Jsonb({str(run): place for run, place in reports.items()})
    parameters = {"recording": recording, "heir": heir, "chat": chat, "number": number, "numbers": numbers}
    for query in _GIVE_RECORDING:
        await connection.execute(query, parameters)


async def give_run(connection: Connection, run: ReportRunId, heir: UserId, numbers: Mapping[ReportRunId, int]) -> None:
    """Give a research another owner."""
    told = Jsonb({str(each): number for each, number in numbers.items()})
    await connection.execute(_GIVE_RUN, {"run": run, "heir": heir, "numbers": told})


async def delete_run(connection: Connection, run: ReportRunId) -> None:
    await connection.execute(_DELETE_RUN, {"run": run})


async def is_anything_left(connection: Connection, person: UserId) -> bool:
    """Tell whether a person still has what does not go with their row, or an update of theirs is being handled."""
    row = await (await connection.execute(_SELECT_LEFT, {"person": person})).fetchone()
    return bool(row and row["there_is"])


async def erase(connection: Connection, person: UUID) -> None:
    """Remove a person's row and everything that names the person."""
    month = this_month()
    parameters = {"person": person, "gone": texts.erasures.GONE, "month": month, "since": start_of(month)}
    for query in _ERASE:
        await connection.execute(query, parameters)


async def without_row(connection: Connection, keys: Sequence[str]) -> Sequence[str]:
    """Return those of ``keys`` that are no recording's original."""
    named = [row["object_key"] async for row in await connection.execute(_SELECT_NAMED_KEYS, {"keys": list(keys)})]
    return sorted(set(keys) - set(named))
