"""Dead letters, which are rows of four tables: ``outbox``, ``recordings``, ``report_runs`` and ``chat_answers``."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, LiteralString
from uuid import UUID

from datamodels import RecordingId, ReportId, ReportRunId, UserId, Value
from datamodels_chats import AnswerId
from datamodels_telegram import ChatId, FileSource, MessageKind
from db import Connection
from errors import Cancelled
from messenger import AlreadySent


class LetterKind(StrEnum):
    """The kind of a dead letter: a message that was given up, or work that failed for good."""

    MESSAGE = "message"
    RECORDING = "recording"
    REPORT = "report"
    ANSWER = "answer"


class LetterId(Value):
    """Names a dead letter: ``row`` is the id of a row of ``outbox``, a recording, a report run or an answer."""

    kind: LetterKind
    row: int | UUID


class DeadLetter(Value):
    """Something that a person did not get and that is tried again only when the owner asks for it.

    The content of the message, recording, report or answer is not included.
    """

    kind: LetterKind
    row: int | UUID
    person: str
    failed_at: datetime
    error_code: str
    message_kind: MessageKind | None
    """The kind of a message; None for work."""
    source: FileSource | None
    """The kind of file that a message brings; None without a file, and for work."""
    recording_number: int | None
    """The recording's number. This and the fields below are None when the letter is not about a recording, a report or
    a chat, or when the recording, report or chat was deleted."""
    report_id: ReportId | None
    report_number: int | None
    """The report's permanent number, which only a finished report has."""
    chat_number: int | None

    @property
    def id(self) -> LetterId:
        return LetterId(kind=self.kind, row=self.row)


# A message that was delivered and then deleted was not given up; work that a person cancelled did not fail.
_MESSAGE = "given_up_at IS NOT NULL AND sent_at IS NULL AND error <> %(already_sent)s"
_RECORDING = "error_code IS NOT NULL AND retry_at IS NULL AND error_code <> %(cancelled)s"
_FAILED = "status = 'failed'"

# Failures of the command line are left out: it has printed them itself.
_LETTERS = f"""
    FROM (
        SELECT
            'message' AS kind, id AS number, NULL::uuid AS id, owner_id, given_up_at AS failed_at, error AS error_code
        FROM outbox WHERE {_MESSAGE} AND dismissed_at IS NULL
        UNION ALL
        SELECT 'recording', NULL, id, owner_id, updated_at, error_code
        FROM recordings WHERE {_RECORDING} AND dismissed_at IS NULL
        UNION ALL
        SELECT 'report', NULL, id, owner_id, finished_at, error_code
        FROM report_runs WHERE {_FAILED} AND dismissed_at IS NULL
        UNION ALL
        SELECT 'answer', NULL, answers.id, owner_id, finished_at, error_code
        FROM chat_answers AS answers JOIN chat_questions ON chat_questions.id = question_id
        WHERE {_FAILED} AND answers.dismissed_at IS NULL
    ) AS letters
    JOIN users ON users.id = letters.owner_id AND users.telegram_id IS NOT NULL
"""
_ROW = "coalesce(to_jsonb(letters.number), to_jsonb(letters.id)) AS row"
_COUNT = f"SELECT count(*) AS letters, max(failed_at) AS newest {_LETTERS}"
_SELECT_IDS = f"SELECT kind, {_ROW} {_LETTERS} ORDER BY failed_at, kind, number, letters.id"
# The subject of a message is that of its file, else the id in its key. It is looked for on this page alone.
_SELECT_PAGE = f"""
    WITH page AS MATERIALIZED (
        SELECT kind, number, letters.id, users.name AS person, failed_at, error_code {_LETTERS}
        ORDER BY failed_at DESC, kind, number, letters.id LIMIT %(limit)s OFFSET %(offset)s
    ), letters AS (
        SELECT
            page.*, message ->> 'kind' AS message_kind, message #>> '{{file,source}}' AS source,
            coalesce(
                page.id, (message #>> '{{file,subject}}')::uuid,
                substring(key FROM '[0-9a-f]{{8}}(?:-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}')::uuid
            ) AS subject
        FROM page LEFT JOIN outbox ON outbox.id = page.number
    )
    SELECT
        letters.kind, {_ROW}, letters.person, letters.failed_at, letters.error_code, letters.message_kind,
        letters.source, recordings.number AS recording_number, runs.report_id, runs.number AS report_number,
        chat_questions.chat_number
    FROM letters
    LEFT JOIN report_runs AS runs ON runs.id = letters.subject
    LEFT JOIN recordings ON recordings.id = coalesce(runs.recording_id, letters.subject)
    LEFT JOIN chat_answers AS answers ON answers.id = letters.subject
    LEFT JOIN chat_questions ON chat_questions.id = answers.question_id
    ORDER BY letters.failed_at DESC, letters.kind, letters.number, letters.id
"""
_DISMISS: Mapping[LetterKind, LiteralString] = {
    LetterKind.MESSAGE: f"UPDATE outbox SET dismissed_at = now() WHERE id = %(row)s AND {_MESSAGE}",
    LetterKind.RECORDING: f"UPDATE recordings SET dismissed_at = now() WHERE id = %(row)s AND {_RECORDING}",
    LetterKind.REPORT: f"UPDATE report_runs SET dismissed_at = now() WHERE id = %(row)s AND {_FAILED}",
    LetterKind.ANSWER: f"UPDATE chat_answers SET dismissed_at = now() WHERE id = %(row)s AND {_FAILED}",
}
# The row keeps its place in the order of its chat, and the random id by which Telegram refuses it a second time.
_SEND_AGAIN = f"""
    UPDATE outbox SET given_up_at = NULL, error = NULL, aside_at = NULL, tries = 0, not_before = now()
    WHERE id = %(row)s AND {_MESSAGE}
    RETURNING id
"""
_LOCK_FAILED_RECORDING = f"""
    SELECT recordings.id AS recording_id, recordings.owner_id, wizards.chat_id
    FROM recordings LEFT JOIN recording_wizards AS wizards ON wizards.recording_id = recordings.id
    WHERE recordings.id = %(row)s AND {_RECORDING}
    FOR NO KEY UPDATE OF recordings
"""
# The recording is locked first, as in an order of reports. A card that has not delivered the failure yet will deliver
# the new outcome instead.
_LOCK_RECORDING_OF_RUN = """
    SELECT FROM recordings WHERE id = (SELECT recording_id FROM report_runs WHERE id = %(row)s) FOR NO KEY UPDATE
"""
_QUEUE_RUN_AGAIN = f"""
    UPDATE report_runs SET status = 'queued', error_code = NULL, error_text = NULL, finished_at = NULL
    WHERE id = %(row)s AND {_FAILED}
    RETURNING
        recording_id, owner_id, id AS run_id,
        (
            SELECT CASE WHEN report_runs.id = ANY(delivered) THEN chat_id END
            FROM progress_cards WHERE report_runs.id = ANY(run_ids) ORDER BY id DESC LIMIT 1
        ) AS chat_id
"""
_ANSWER_AGAIN = f"""
    UPDATE chat_answers SET status = 'waiting', error_code = NULL, finished_at = NULL, delivered_at = NULL
    FROM chat_questions
    WHERE chat_answers.id = %(row)s AND chat_questions.id = question_id AND {_FAILED}
    RETURNING chat_answers.id AS answer_id, owner_id
"""
_CODES = {"already_sent": AlreadySent.code, "cancelled": Cancelled.code}


class RecordingToRetry(Value):
    """A recording to be worked on again. ``chat_id`` is its wizard's chat; None for a recording of the command line."""

    recording_id: RecordingId
    owner_id: UserId
    chat_id: ChatId | None


class ReportToRetry(RecordingToRetry):
    """A report run that was queued again.

    ``chat_id`` is the chat that needs a new card for the run; None when no chat does.
    """

    run_id: ReportRunId


class AnswerToRetry(Value):
    """An answer that is to be made again."""

    answer_id: AnswerId
    owner_id: UserId


async def count(connection: Connection) -> tuple[int, datetime | None]:
    """Count the dead letters that are not dismissed; also return when the newest became one, None without any."""
    row = await (await connection.execute(_COUNT, _CODES)).fetchone()
    return (int(row["letters"]), row["newest"]) if row else (0, None)


async def list_ids(connection: Connection) -> list[LetterId]:
    """Load the ids of all dead letters, without dismissed ones, oldest first."""
    return [LetterId.model_validate(row) async for row in await connection.execute(_SELECT_IDS, _CODES)]


async def list_page(connection: Connection, limit: int, offset: int) -> list[DeadLetter]:
    """Load at most ``limit`` dead letters after the first ``offset``, without dismissed ones, newest first."""
    parameters = {**_CODES, "limit": limit, "offset": offset}
    return [DeadLetter.model_validate(row) async for row in await connection.execute(_SELECT_PAGE, parameters)]


async def dismiss(connection: Connection, letter: LetterId) -> bool:
    """Hide a letter from the list until it fails again; return False when it is no dead letter."""
    return (await connection.execute(_DISMISS[letter.kind], {**_CODES, "row": letter.row})).rowcount == 1


async def send_again(connection: Connection, outbox_id: int | UUID) -> bool:
    """Put a message that was given up back into its place in the outbox; return False when it was not given up."""
    return await _changed(connection, _SEND_AGAIN, outbox_id) is not None


async def lock_failed_recording(connection: Connection, recording_id: int | UUID) -> RecordingToRetry | None:
    """Lock a recording on which the work failed for good; return None when it did not fail for good."""
    row = await _changed(connection, _LOCK_FAILED_RECORDING, recording_id)
    return None if row is None else RecordingToRetry.model_validate(row)


async def queue_run_again(connection: Connection, run_id: int | UUID) -> ReportToRetry | None:
    """Queue a failed report run again; return None when the run has not failed."""
    await connection.execute(_LOCK_RECORDING_OF_RUN, {"row": run_id})
    row = await _changed(connection, _QUEUE_RUN_AGAIN, run_id)
    return None if row is None else ReportToRetry.model_validate(row)


async def answer_again(connection: Connection, answer_id: int | UUID) -> AnswerToRetry | None:
    """Set a failed answer back to waiting; return None when the answer has not failed."""
    row = await _changed(connection, _ANSWER_AGAIN, answer_id)
    return None if row is None else AnswerToRetry.model_validate(row)


async def _changed(connection: Connection, query: LiteralString, row: int | UUID) -> dict[str, Any] | None:
    return await (await connection.execute(query, {**_CODES, "row": row})).fetchone()
