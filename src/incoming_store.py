"""Rows of ``incoming_files``: files that people sent, until they are recordings, documents or refused."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, LiteralString

from psycopg.types.json import Jsonb

from datamodels import RecordingId, ScenarioId, UserId
from datamodels_telegram import ChatId, FilePurpose, IncomingFile, IncomingMessage, IncomingState
from db import Connection
from errors import NotFound

_COLUMNS = """
    id, owner_id, chat_id, message_id, file, caption, scenario, purpose, state, bytes_done, recording_id, known,
    error_code, error_text, tries, retry_at, album, origin, answers, created_at, finished_at
"""

_INSERT = """
    INSERT INTO incoming_files (
        owner_id, chat_id, message_id, file, caption, scenario, purpose, state, album, origin, answers
    ) VALUES (
        %(owner_id)s, %(chat_id)s, %(message_id)s, %(file)s, %(caption)s, %(scenario)s, %(purpose)s, %(state)s,
        %(album)s, %(origin)s, %(answers)s
    )
    ON CONFLICT (chat_id, message_id) DO NOTHING
"""
_SELECT_BY_MESSAGE = f"""
    SELECT {_COLUMNS} FROM incoming_files WHERE chat_id = %(chat_id)s AND message_id = %(message_id)s
"""
_SELECT_OWNED = f"SELECT {_COLUMNS} FROM incoming_files WHERE owner_id = %(owner_id)s AND id = %(id)s"
_SELECT_OPEN = f"SELECT {_COLUMNS} FROM incoming_files WHERE finished_at IS NULL ORDER BY id"
_SET_SCENARIO = f"""
    UPDATE incoming_files SET scenario = %(scenario)s WHERE owner_id = %(owner_id)s AND id = %(id)s
    RETURNING {_COLUMNS}
"""
_SHARE_CAPTION = """
    UPDATE incoming_files SET caption = %(caption)s, scenario = coalesce(scenario, %(scenario)s)
    WHERE owner_id = %(owner_id)s AND chat_id = %(chat_id)s AND album = %(album)s AND caption = ''
        AND finished_at IS NULL
"""
_SELECT_CAPTION = """
    SELECT caption FROM incoming_files
    WHERE owner_id = %(owner_id)s AND chat_id = %(chat_id)s AND album = %(album)s AND caption <> ''
    ORDER BY message_id LIMIT 1
"""
_SET_PURPOSE = """
    UPDATE incoming_files SET purpose = %(purpose)s
    WHERE owner_id = %(owner_id)s AND id = %(id)s AND purpose IS NULL AND finished_at IS NULL
"""
_REOPEN = f"""
    UPDATE incoming_files SET
        purpose = '{FilePurpose.RECORDING}', state = '{IncomingState.WAITING}', answers = NULL, error_code = NULL,
        error_text = NULL, retry_at = NULL, tries = 0, bytes_done = 0, finished_at = NULL
    WHERE owner_id = %(owner_id)s AND id = %(id)s AND purpose = '{FilePurpose.WORDS}' AND finished_at IS NOT NULL
"""
# What was heard as text before has been asked, and is not asked twice.
_REOPEN_AS_WORDS = f"""
    UPDATE incoming_files SET
        purpose = '{FilePurpose.WORDS}', state = '{IncomingState.WAITING}', recording_id = NULL, known = false,
        error_code = NULL, error_text = NULL, retry_at = NULL, tries = 0, bytes_done = 0, finished_at = NULL
    WHERE
        owner_id = %(owner_id)s AND id = %(id)s AND purpose = '{FilePurpose.RECORDING}' AND finished_at IS NOT NULL
        AND NOT EXISTS (SELECT FROM spoken_words WHERE incoming_id = incoming_files.id)
"""
_CANCEL = f"""
    UPDATE incoming_files SET state = %(state)s, retry_at = NULL, finished_at = now()
    WHERE owner_id = %(owner_id)s AND id = %(id)s AND finished_at IS NULL
    RETURNING {_COLUMNS}
"""
_SET_STATE = """
    UPDATE incoming_files SET state = %(state)s, error_code = NULL, error_text = NULL, retry_at = NULL
    WHERE id = %(id)s AND finished_at IS NULL
"""
_SET_BYTES_DONE = "UPDATE incoming_files SET bytes_done = %(bytes_done)s WHERE id = %(id)s AND finished_at IS NULL"
_LOCK_OPEN = f"SELECT {_COLUMNS} FROM incoming_files WHERE id = %(id)s AND finished_at IS NULL FOR UPDATE"
_FINISH = """
    UPDATE incoming_files SET
        state = %(state)s, recording_id = %(recording_id)s, known = %(known)s, error_code = %(error_code)s,
        error_text = %(error_text)s, retry_at = NULL, finished_at = now()
    WHERE id = %(id)s AND finished_at IS NULL
"""
_FORGET_CAPTIONS = "UPDATE incoming_files SET caption = '' WHERE recording_id = %(recording_id)s"
# now() is the time at which the transaction began: a stage with this very time was set in it.
_SELECT_TAKEN_UP = "SELECT FROM recordings WHERE id = %(recording_id)s AND stage_at = now()"
_SELECT_SENT = f"""
    SELECT {_COLUMNS} FROM incoming_files WHERE recording_id = %(recording_id)s AND state = %(state)s
    ORDER BY id DESC LIMIT 1
"""
_SELECT_SETTLING = """
    SELECT id FROM incoming_files
    WHERE id = ANY(%(ids)s) AND state = %(state)s AND recording_id IS NOT NULL
        AND finished_at > now() - make_interval(secs => %(seconds)s)
"""
_NOTE_DOCUMENT = "INSERT INTO sent_documents (incoming_id, number) VALUES (%(id)s, %(number)s)"
# Files are downloaded side by side, and a short one is a recording sooner than a long one that was sent before it.
_RESERVE_NUMBER = """
    WITH next AS (
        UPDATE users SET last_recording_number = last_recording_number + 1 FROM incoming_files
        WHERE users.id = owner_id AND incoming_files.id = %(id)s
            AND NOT EXISTS (SELECT FROM reserved_numbers WHERE incoming_id = %(id)s)
        RETURNING last_recording_number
    )
    INSERT INTO reserved_numbers (incoming_id, number) SELECT %(id)s, last_recording_number FROM next
"""
_SELECT_NUMBER = "SELECT number FROM reserved_numbers WHERE incoming_id = %(id)s"
_END_RESERVATION = "DELETE FROM reserved_numbers WHERE incoming_id = %(id)s"
# A number in the middle stays unused: those after it may have been seen.
_GIVE_BACK = """
    UPDATE users SET last_recording_number = last_recording_number - 1
    FROM reserved_numbers JOIN incoming_files ON incoming_files.id = incoming_id
    WHERE users.id = owner_id AND incoming_id = %(id)s AND last_recording_number = number
"""
_TRY_LATER = """
    UPDATE incoming_files SET
        state = %(state)s, tries = tries + 1, error_code = %(error_code)s, error_text = %(error_text)s,
        retry_at = %(retry_at)s
    WHERE id = %(id)s AND finished_at IS NULL
"""


async def add(
    connection: Connection,
    owner: UserId,
    message: IncomingMessage,
    scenario: ScenarioId | None,
    purpose: FilePurpose | None = None,
) -> IncomingFile:
    """Add the file of a message and return its row; for a message added before, return the row that is there.

    ``scenario`` is None until somebody says what the recording is, ``NO_SCENARIO`` when only the transcript is wanted.
    ``purpose`` is None when the name tells it, or the sender will be asked.

    Raises:
        ValueError: the message has no file.
    """
    if message.file is None:
        raise ValueError("the message has no file")
    parameters = {
        "owner_id": owner,
        "chat_id": message.chat_id,
        "message_id": message.message_id,
        "file": Jsonb(message.file.model_dump(mode="json")),
        "caption": message.text,
        "scenario": scenario,
        "purpose": purpose,
        "state": IncomingState.WAITING,
        "album": message.album,
        "origin": message.origin,
        "answers": message.answers,
    }
    await connection.execute(_INSERT, parameters)
    return await _one(connection, _SELECT_BY_MESSAGE, parameters)


async def forget_captions(connection: Connection, recording_id: RecordingId) -> None:
    """Remove what people wrote under the files that became the recording. Rows stay: they tell which messages came."""
    await connection.execute(_FORGET_CAPTIONS, {"recording_id": recording_id})


async def get(connection: Connection, owner: UserId, incoming_id: int) -> IncomingFile:
    """Load a file for its owner.

    Raises:
        NotFound: there is none, or it is someone else's.
    """
    return await _one(connection, _SELECT_OWNED, {"owner_id": owner, "id": incoming_id})


async def set_scenario(connection: Connection, owner: UserId, incoming_id: int, scenario: ScenarioId) -> IncomingFile:
    """Note the scenario of a file. When the file is a recording by now, the caller sets the recording's scenario, too.

    Raises:
        NotFound: there is no such file, or it is someone else's.
    """
    return await _one(connection, _SET_SCENARIO, {"owner_id": owner, "id": incoming_id, "scenario": scenario})


async def set_purpose(connection: Connection, owner: UserId, incoming_id: int, purpose: FilePurpose) -> bool:
    """Note what an open file is for; False when that was said before."""
    parameters = {"owner_id": owner, "id": incoming_id, "purpose": purpose}
    return (await connection.execute(_SET_PURPOSE, parameters)).rowcount > 0


async def reopen_as_recording(connection: Connection, owner: UserId, incoming_id: int) -> bool:
    """Make a voice note that has ended as words a recording that has still to come in; False for any other file."""
    return (await connection.execute(_REOPEN, {"owner_id": owner, "id": incoming_id})).rowcount > 0


async def reopen_as_words(connection: Connection, owner: UserId, incoming_id: int) -> bool:
    """Make a voice note that has come in as a recording text that has still to be heard; False for any other file."""
    return (await connection.execute(_REOPEN_AS_WORDS, {"owner_id": owner, "id": incoming_id})).rowcount > 0


async def caption_of_album(connection: Connection, owner: UserId, chat: ChatId, album: int) -> str:
    """Return the caption of an album, which one of its messages has; "" when none that came so far has one."""
    parameters = {"owner_id": owner, "chat_id": chat, "album": album}
    row = await (await connection.execute(_SELECT_CAPTION, parameters)).fetchone()
    return "" if row is None else str(row["caption"])


async def share_caption(connection: Connection, incoming: IncomingFile, scenario: ScenarioId | None) -> None:
    """Give a file's caption, and the ``scenario`` in it, to the open files of the same album that have no caption."""
    parameters = {
        "owner_id": incoming.owner_id,
        "chat_id": incoming.chat_id,
        "album": incoming.album,
        "caption": incoming.caption,
        "scenario": scenario,
    }
    await connection.execute(_SHARE_CAPTION, parameters)


async def cancel(connection: Connection, owner: UserId, incoming_id: int) -> bool:
    """Stop the work on a file that is no recording yet; False when there is no such work."""
    parameters = {"owner_id": owner, "id": incoming_id, "state": IncomingState.CANCELLED}
    return await (await connection.execute(_CANCEL, parameters)).fetchone() is not None


async def list_open(connection: Connection) -> list[IncomingFile]:
    """Load the files that are neither stored nor refused nor cancelled, oldest first."""
    return [IncomingFile.model_validate(row) async for row in await connection.execute(_SELECT_OPEN)]


async def find_sent(connection: Connection, recording_id: RecordingId) -> IncomingFile | None:
    """Find the latest file that became this recording; None when the recording was not sent to the bot."""
    parameters = {"recording_id": recording_id, "state": IncomingState.STORED}
    row = await (await connection.execute(_SELECT_SENT, parameters)).fetchone()
    return None if row is None else IncomingFile.model_validate(row)


async def list_settling(connection: Connection, incoming_ids: Collection[int], seconds: float) -> set[int]:
    """Return which of these files became recordings less than ``seconds`` ago."""
    parameters = {"ids": list(incoming_ids), "state": IncomingState.STORED, "seconds": seconds}
    return {int(row["id"]) async for row in await connection.execute(_SELECT_SETTLING, parameters)}


async def set_state(connection: Connection, incoming_id: int, state: IncomingState) -> None:
    """Note what is being done with an open file; an earlier failure is cleared."""
    await connection.execute(_SET_STATE, {"id": incoming_id, "state": state})


async def set_bytes_done(connection: Connection, incoming_id: int, bytes_done: int) -> None:
    """Note how many bytes of an open file have been downloaded."""
    await connection.execute(_SET_BYTES_DONE, {"id": incoming_id, "bytes_done": bytes_done})


async def lock_open(connection: Connection, incoming_id: int) -> IncomingFile | None:
    """Load an open file and keep others from changing it until the transaction ends; None when it is finished."""
    row = await (await connection.execute(_LOCK_OPEN, {"id": incoming_id})).fetchone()
    return None if row is None else IncomingFile.model_validate(row)


async def is_taken_up(connection: Connection, recording_id: RecordingId) -> bool:
    """Tell whether this transaction has noted that work on the recording begins."""
    cursor = await connection.execute(_SELECT_TAKEN_UP, {"recording_id": recording_id})
    return await cursor.fetchone() is not None


async def finish_stored(connection: Connection, incoming_id: int, recording_id: RecordingId, *, known: bool) -> None:
    """Note that an open file is a recording now; ``known`` says that the recording existed before and needs no work."""
    await _finish(connection, incoming_id, IncomingState.STORED, recording_id=recording_id, known=known)


async def finish_accepted(connection: Connection, incoming_id: int) -> None:
    """Note that an open file is a photograph of an avatar now."""
    await _finish(connection, incoming_id, IncomingState.STORED)


async def finish_loaded(connection: Connection, incoming_id: int, number: int, *, known: bool) -> None:
    """Note that an open file is the document of this number now; ``known`` says that the document was there before."""
    await connection.execute(_NOTE_DOCUMENT, {"id": incoming_id, "number": number})
    await _finish(connection, incoming_id, IncomingState.STORED, known=known)


async def finish_refused(connection: Connection, incoming_id: int, error_code: str, error_text: str) -> None:
    """Note why an open file cannot be worked with."""
    await _finish(connection, incoming_id, IncomingState.REFUSED, error_code=error_code, error_text=error_text)


async def reserve_number(connection: Connection, incoming_id: int) -> None:
    """Reserve the sender's next number of recordings for a file, unless the file has one."""
    await connection.execute(_RESERVE_NUMBER, {"id": incoming_id})


async def reserved_number(connection: Connection, incoming_id: int) -> int | None:
    """Return the number that is reserved for a file."""
    row = await (await connection.execute(_SELECT_NUMBER, {"id": incoming_id})).fetchone()
    return None if row is None else row["number"]


async def end_reservation(connection: Connection, incoming_id: int, *, used: bool) -> None:
    """Note that a recording has a file's number; one that none uses is free again if it is the last."""
    if not used:
        await connection.execute(_GIVE_BACK, {"id": incoming_id})
    await connection.execute(_END_RESERVATION, {"id": incoming_id})


async def try_later(
    connection: Connection, incoming_id: int, error_code: str, error_text: str, retry_at: datetime
) -> None:
    """Note why the last try with an open file failed, and when the next will be."""
    parameters = {
        "id": incoming_id,
        "state": IncomingState.WAITING,
        "error_code": error_code,
        "error_text": error_text,
        "retry_at": retry_at,
    }
    await connection.execute(_TRY_LATER, parameters)


async def _finish(
    connection: Connection,
    incoming_id: int,
    state: IncomingState,
    *,
    recording_id: RecordingId | None = None,
    known: bool = False,
    error_code: str | None = None,
    error_text: str | None = None,
) -> None:
    parameters = {
        "id": incoming_id,
        "state": state,
        "recording_id": recording_id,
        "known": known,
        "error_code": error_code,
        "error_text": error_text,
    }
    await connection.execute(_FINISH, parameters)


async def _one(connection: Connection, query: LiteralString, parameters: dict[str, Any]) -> IncomingFile:
    row = await (await connection.execute(query, parameters)).fetchone()
    if row is None:
        raise NotFound(what=f"incoming file {parameters.get('id', parameters.get('message_id'))}")
    return IncomingFile.model_validate(row)
