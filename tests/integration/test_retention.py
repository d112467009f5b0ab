"""What has ended and is old leaves; what is young, open or still referred to stays, whosever it is."""

from datetime import UTC, datetime, timedelta
from typing import LiteralString
from uuid import uuid4

import pytest

from datamodels import Recording
from db import Connection
from recordings_factory import add_recording
from retention import RETENTIONS, delete_ended

BEFORE = datetime(2026, 6, 1, tzinfo=UTC)
OLD, YOUNG = BEFORE - timedelta(minutes=1), BEFORE + timedelta(minutes=1)
AGES = {
    "outbox": None,
    "incoming_files": None,
    "takeouts": None,
    "progress_cards": None,
    "seen_updates": timedelta(days=30),
    "erased_chats": timedelta(days=400),
    "user_states": timedelta(days=1),
    "sent_messages": timedelta(hours=48),
    "procrastinate_jobs": None,
    "job_failures": timedelta(),
    "removed_chunks": timedelta(days=1),
    "speeches": None,
    "spoken_questions": timedelta(days=1),
    "hourly_uses": timedelta(days=1),
    "limit_uses": timedelta(days=400),
    "erased_uses": timedelta(days=1),
    "web_links": timedelta(),
    "web_sessions": timedelta(),
    "invitations": timedelta(days=30),
    "web_uploads": timedelta(days=2),
}

_OUTBOX = """
    INSERT INTO outbox (key, owner_id, chat_id, message, random_id, {time})
    VALUES (%(name)s, %(owner)s, 1, '{{}}', 1, %(when)s)
"""
_INCOMING = """
    INSERT INTO incoming_files (owner_id, chat_id, message_id, file, caption, state, finished_at, recording_id)
    VALUES (%(owner)s, %(chat)s, %(id)s, '{{}}', %(name)s, 'refused', {finished}, {recording})
"""
_CARD = """
    INSERT INTO progress_cards (kind, owner_id, chat_id, random_id, shown_hash, created_at, final, run_ids)
    VALUES ('reports', %(owner)s, 1, 1, %(name)s, %(when)s, {final}, {runs})
"""
_FILE_WITH_CARD = """
    WITH file AS (
        INSERT INTO incoming_files (owner_id, chat_id, message_id, file, caption, state, finished_at)
        VALUES (%(owner)s, %(chat)s, %(id)s, '{{}}', %(name)s, 'refused', %(when)s) RETURNING id
    )
    INSERT INTO progress_cards (kind, owner_id, chat_id, random_id, incoming_id, final)
    SELECT 'recording', %(owner)s, 1, 1, id, {final} FROM file
"""
_TAKEOUT = """
    INSERT INTO takeouts (owner_id, chat_id, extension, random_id, ended_at) VALUES (%(owner)s, 1, %(name)s, 1, {ended})
"""
_UPDATE = """
    INSERT INTO seen_updates (kind, chat_id, update_id, message_id, person_id, person_name, received_at, done_at)
    VALUES ('{kind}', %(chat)s, %(id)s, {message}, 1, %(name)s, %(when)s, {done})
"""
_STATE = """
    INSERT INTO user_states (user_id, key, value, expires_at) VALUES (%(owner)s, %(name)s, '{{}}', {expires})
"""
_HASH_AS_NAME: LiteralString = "rtrim(encode({}, 'escape'), '~')"
_LINK = """
    INSERT INTO web_links (code_hash, user_id, expires_at)
    VALUES (rpad(%(name)s, 32, '~')::bytea, %(owner)s, %(when)s)
"""
_INVITATION = """
    INSERT INTO invitations (code_hash, made_by, role, uses, expires_at)
    VALUES (rpad(%(name)s, 32, '~')::bytea, %(owner)s, 'guest', 1, %(when)s)
"""
_ERASED_CHAT = """
    INSERT INTO erased_chats (chat_hash, up_to, erased_at) VALUES (rpad(%(name)s, 32, '~')::bytea, 1, %(when)s)
"""
_SESSION = _LINK.replace("web_links (code_hash", "web_sessions (token_hash")
_UPLOAD = """
    INSERT INTO web_uploads (id, owner_id, file_name, size_bytes, scenario, state, touched_at)
    VALUES (gen_random_uuid(), %(owner)s, %(name)s, 1, 'none', '{state}', %(when)s)
"""
_SPEECH = """
    INSERT INTO speeches (
        id, owner_id, kind, title, text, is_whole, voice, key, pieces, created_at, ended_at
    ) VALUES (gen_random_uuid(), %(owner)s, 'text', %(name)s, '', true, '', %(name)s, 1, %(when)s, {ended})
"""
_USE = "INSERT INTO hourly_uses (feature, owner_id, used_at) VALUES (%(name)s, %(owner)s, %(when)s)"
_SPOKEN = """
    INSERT INTO spoken_questions (id, owner_id, sha256, created_at)
    VALUES (gen_random_uuid(), %(owner)s, %(name)s, %(when)s)
"""
_LIMIT_USE = """
    INSERT INTO limit_uses (work, resource, owner_id, subject, month, reserved, exact, state, at)
    VALUES (%(name)s::uuid, 'sound', %(owner)s, gen_random_uuid(), %(when)s::date, 1, true, '{state}', %(when)s)
"""
_ERASED_USE = """
    INSERT INTO erased_uses (telegram_id, resource, month, amount)
    VALUES (%(chat)s, %(name)s, (date_trunc('month', %(when)s) - interval '{ago} month')::date, 1)
"""
_SENT = """
    INSERT INTO sent_messages (chat_id, message_id, kind, sent_at)
    VALUES ({chat}, {message}, '{kind}', %(when)s)
"""
_JOB = """
    WITH job AS (
        INSERT INTO procrastinate_jobs (queue_name, task_name, args, status)
        VALUES ('q', %(name)s, '{{}}', '{status}') RETURNING id
    )
    INSERT INTO procrastinate_events (job_id, type, at) SELECT id, 'failed', %(when)s FROM job
"""
_REMOVED_CHUNK = "INSERT INTO removed_chunks (chunk_id, removed_at) VALUES (%(name)s::bigint, %(when)s)"
_FAILURE = "INSERT INTO job_failures (lock, failures) VALUES (%(name)s, 1)"
_FAILURE_AND_JOB = """
    WITH failure AS (INSERT INTO job_failures (lock, failures) VALUES (%(name)s, 1))
    INSERT INTO procrastinate_jobs (queue_name, task_name, lock, args, status)
    VALUES ('q', 'task', %(name)s, '{{}}', '{status}')
"""

# Table, what of it tells rows apart, and rows: their names, when they ended, how they are made, and whether they leave.
CASES: list[tuple[str, LiteralString, list[tuple[str, datetime, LiteralString, bool]]]] = [
    (
        "outbox",
        "key",
        [
            ("sent", OLD, _OUTBOX.format(time="sent_at"), True),
            ("given up", OLD, _OUTBOX.format(time="given_up_at"), True),
            ("open", OLD, _OUTBOX.format(time="created_at"), False),
            ("young", YOUNG, _OUTBOX.format(time="sent_at"), False),
        ],
    ),
    (
        "incoming_files",
        "caption",
        [
            ("refused", OLD, _INCOMING.format(finished="%(when)s", recording="NULL"), True),
            ("card is final", OLD, _FILE_WITH_CARD.format(final="true"), True),
            ("card is open", OLD, _FILE_WITH_CARD.format(final="false"), False),
            ("of a recording", OLD, _INCOMING.format(finished="%(when)s", recording="%(recording)s"), False),
            ("open", OLD, _INCOMING.format(finished="NULL", recording="NULL"), False),
            ("young", YOUNG, _INCOMING.format(finished="%(when)s", recording="NULL"), False),
        ],
    ),
    (
        "takeouts",
        "extension",
        [
            ("ended", OLD, _TAKEOUT.format(ended="%(when)s"), True),
            ("open", OLD, _TAKEOUT.format(ended="NULL"), False),
            ("young", YOUNG, _TAKEOUT.format(ended="%(when)s"), False),
        ],
    ),
    (
        "progress_cards",
        "shown_hash",
        [
            ("final", OLD, _CARD.format(final="true", runs="'{}'"), True),
            ("open", OLD, _CARD.format(final="false", runs="'{}'"), False),
            ("undelivered", OLD, _CARD.format(final="true", runs="ARRAY[gen_random_uuid()]"), False),
            ("young", YOUNG, _CARD.format(final="true", runs="'{}'"), False),
        ],
    ),
    (
        "seen_updates",
        "person_name",
        [
            ("message", OLD, _UPDATE.format(kind="message", message="8999999899", done="%(when)s"), True),
            ("press", OLD, _UPDATE.format(kind="button", message="9000000000", done="%(when)s"), True),
            ("looked at again", OLD, _UPDATE.format(kind="message", message="8999999900", done="%(when)s"), False),
            ("latest", OLD, _UPDATE.format(kind="message", message="9000000000", done="%(when)s"), False),
            ("open", OLD, _UPDATE.format(kind="button", message="1", done="NULL"), False),
            ("young", YOUNG, _UPDATE.format(kind="button", message="1", done="%(when)s"), False),
        ],
    ),
    (
        "erased_chats",
        _HASH_AS_NAME.format("chat_hash"),
        [("old", OLD, _ERASED_CHAT, True), ("young", YOUNG, _ERASED_CHAT, False)],
    ),
    (
        "user_states",
        "key",
        [
            ("expired", OLD, _STATE.format(expires="%(when)s"), True),
            ("lasts", OLD, _STATE.format(expires="NULL"), False),
            ("young", YOUNG, _STATE.format(expires="%(when)s"), False),
        ],
    ),
    (
        "sent_messages",
        "message_id || kind",
        [
            ("0menu", OLD, _SENT.format(chat="%(other)s", message="0", kind="menu"), False),
            ("1menu", OLD, _SENT.format(chat="%(chat)s", message="1", kind="menu"), True),
            ("2menu", OLD, _SENT.format(chat="%(chat)s", message="2", kind="menu"), False),
            ("3status_message", OLD, _SENT.format(chat="%(chat)s", message="3", kind="status_message"), False),
            ("4input_request", YOUNG, _SENT.format(chat="%(chat)s", message="4", kind="input_request"), False),
            ("5input_request", YOUNG, _SENT.format(chat="%(chat)s", message="5", kind="input_request"), False),
        ],
    ),
    (
        "procrastinate_jobs",
        "task_name",
        [
            *((status, OLD, _JOB.format(status=status), True) for status in ("failed", "cancelled", "aborted")),
            *((status, OLD, _JOB.format(status=status), False) for status in ("todo", "doing")),
            ("young", YOUNG, _JOB.format(status="failed"), False),
        ],
    ),
    (
        "job_failures",
        "lock",
        [
            ("no job", OLD, _FAILURE, True),
            ("job has ended", OLD, _FAILURE_AND_JOB.format(status="failed"), True),
            ("job waits", OLD, _FAILURE_AND_JOB.format(status="todo"), False),
            ("job runs", OLD, _FAILURE_AND_JOB.format(status="doing"), False),
        ],
    ),
    (
        "removed_chunks",
        "chunk_id::text",
        [("1", OLD, _REMOVED_CHUNK, True), ("2", YOUNG, _REMOVED_CHUNK, False)],
    ),
    ("web_links", _HASH_AS_NAME.format("code_hash"), [("old", OLD, _LINK, True), ("young", YOUNG, _LINK, False)]),
    (
        "web_sessions",
        _HASH_AS_NAME.format("token_hash"),
        [("old", OLD, _SESSION, True), ("young", YOUNG, _SESSION, False)],
    ),
    (
        "invitations",
        _HASH_AS_NAME.format("code_hash"),
        [("old", OLD, _INVITATION, True), ("young", YOUNG, _INVITATION, False)],
    ),
    (
        "speeches",
        "title",
        [
            ("ended", OLD, _SPEECH.format(ended="%(when)s"), True),
            ("open", OLD, _SPEECH.format(ended="NULL"), False),
            ("young", YOUNG, _SPEECH.format(ended="%(when)s"), False),
        ],
    ),
    ("spoken_questions", "sha256", [("old", OLD, _SPOKEN, True), ("young", YOUNG, _SPOKEN, False)]),
    ("hourly_uses", "feature", [("old", OLD, _USE, True), ("young", YOUNG, _USE, False)]),
    (
        "limit_uses",
        "work::text",
        [
            ("00000000-0000-0000-0000-000000000001", OLD, _LIMIT_USE.format(state="done"), True),
            ("00000000-0000-0000-0000-000000000002", OLD, _LIMIT_USE.format(state="reserved"), False),
            ("00000000-0000-0000-0000-000000000003", YOUNG, _LIMIT_USE.format(state="done"), False),
        ],
    ),
    (
        "erased_uses",
        "resource",
        [("over", OLD, _ERASED_USE.format(ago=1), True), ("goes on", YOUNG, _ERASED_USE.format(ago=0), False)],
    ),
    (
        "web_uploads",
        "file_name",
        [
            ("given up", OLD, _UPLOAD.format(state="receiving"), True),
            ("goes on", YOUNG, _UPLOAD.format(state="receiving"), False),
            ("is worked on", OLD, _UPLOAD.format(state="whole"), False),
            ("refused", OLD, _UPLOAD.format(state="refused"), True),
        ],
    ),
]


async def added(
    connection: Connection, recording: Recording, rows: list[tuple[str, datetime, LiteralString, bool]]
) -> None:
    chat = uuid4().int % 10**12
    for place, (name, when, insert, _) in enumerate(rows):
        parameters = {"name": name, "when": when, "id": place, "chat": chat, "other": chat + 1}
        await connection.execute(insert, {**parameters, "owner": recording.owner_id, "recording": recording.id})


async def left(connection: Connection, table: LiteralString, column: LiteralString, names: list[str]) -> list[str]:
    found = await connection.execute(f"SELECT {column} AS name FROM {table} WHERE {column} = ANY(%s)", (names,))  # noqa: S608
    return [row["name"] async for row in found]


def test_every_kind_of_row_has_its_age_and_its_test() -> None:
    assert {each.table: each.age for each in RETENTIONS} == AGES
    assert [each.table for each in RETENTIONS] == [table for table, _, _ in CASES]


@pytest.mark.parametrize(("table", "column", "rows"), CASES, ids=[table for table, _, _ in CASES])
async def test_what_has_ended_and_is_old_leaves_and_nothing_else(
    connection: Connection,
    table: LiteralString,
    column: LiteralString,
    rows: list[tuple[str, datetime, LiteralString, bool]],
) -> None:
    await added(connection, await add_recording(connection), rows)
    [retention] = [each for each in RETENTIONS if each.table == table]
    await delete_ended(connection, retention, BEFORE, 10_000)
    stay = [name for name, _, _, leaves in rows if not leaves]
    assert sorted(await left(connection, table, column, [name for name, *_ in rows])) == sorted(stay)


async def test_a_batch_is_no_larger_than_it_may_be_and_leaves_rows_in_use(connection: Connection) -> None:
    owner = await add_recording(connection)
    [outbox] = [each for each in RETENTIONS if each.table == "outbox"]
    await delete_ended(connection, outbox, BEFORE, 10_000)
    names = [str(uuid4()) for _ in range(5)]
    await added(connection, owner, [(name, OLD, _OUTBOX.format(time="sent_at"), True) for name in names])
    assert await delete_ended(connection, outbox, BEFORE, 3) == 3
    assert len(await left(connection, "outbox", "key", names)) == 2
    assert await delete_ended(connection, outbox, BEFORE, 3) == 2
