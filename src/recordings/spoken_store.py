"""Rows of ``spoken_words`` and ``spoken_questions``: what is said in the place of typed text, from sound to words.

The first are voice notes of a messenger, the second come from browsers. A job recognises either, by its id.
"""

from datetime import datetime
from uuid import UUID

from psycopg.rows import DictRow

from datamodels import UserId, Value
from datamodels_telegram import ChatId, IncomingMessage, IncomingState, MessageId, TelegramPerson
from db import Connection

_INSERT = """
    INSERT INTO spoken_words (id, incoming_id, sound) VALUES (%(id)s, %(incoming_id)s, %(sound)s)
    ON CONFLICT (incoming_id) DO UPDATE SET sound = EXCLUDED.sound, words = NULL, passed_at = NULL
    RETURNING id
"""
_OPEN = "incoming.state = %(hearing)s AND incoming.finished_at IS NULL"
_SELECT_TO_HEAR = f"""
    SELECT incoming.owner_id, spoken.sound, incoming.file ->> 'file_name' AS file_name
    FROM spoken_words AS spoken JOIN incoming_files AS incoming ON incoming.id = spoken.incoming_id
    WHERE spoken.id = %(id)s AND spoken.sound IS NOT NULL AND {_OPEN}
    UNION ALL SELECT owner_id, sound, NULL FROM spoken_questions WHERE id = %(id)s AND sound IS NOT NULL
"""
_SET_WORDS = """
    UPDATE spoken_words SET words = %(words)s, sound = NULL WHERE id = %(id)s AND sound IS NOT NULL
    RETURNING incoming_id
"""
_END = f"""
    UPDATE incoming_files AS incoming SET
        state = %(state)s, error_code = %(error_code)s, error_text = %(error_text)s, retry_at = %(retry_at)s,
        finished_at = CASE WHEN %(retry_at)s::timestamptz IS NULL THEN now() END
    FROM spoken_words AS spoken
    WHERE spoken.id = %(id)s AND incoming.id = spoken.incoming_id AND {_OPEN}
"""
_SET_QUESTION = "UPDATE spoken_questions SET words = %(words)s, sound = NULL WHERE id = %(id)s AND sound IS NOT NULL"
# What failed for another reason than the sound is heard when it comes again.
_FAIL_QUESTION = """
    UPDATE spoken_questions SET
        error_code = %(error_code)s, error_text = %(error_text)s, is_refused = %(is_refused)s, sound = NULL
    WHERE id = %(id)s AND sound IS NOT NULL
"""
_SELECT_QUESTION = """
    SELECT id, sound IS NOT NULL AS is_open, words, error_code, error_text, is_refused
    FROM spoken_questions WHERE owner_id = %(owner_id)s AND sha256 = %(sha256)s
"""
_PUT_QUESTION = """
    INSERT INTO spoken_questions (id, owner_id, sha256, sound) VALUES (%(id)s, %(owner_id)s, %(sha256)s, %(sound)s)
    ON CONFLICT (owner_id, sha256) DO UPDATE SET sound = EXCLUDED.sound, error_code = NULL, error_text = NULL
    RETURNING id
"""
_SELECT_MESSAGES = """
    SELECT
        spoken.incoming_id, incoming.chat_id, incoming.message_id, incoming.answers, spoken.words,
        users.telegram_id, users.name
    FROM spoken_words AS spoken
    JOIN incoming_files AS incoming ON incoming.id = spoken.incoming_id
    JOIN users ON users.id = incoming.owner_id
    WHERE spoken.words IS NOT NULL AND incoming.state = %(stored)s
"""
_SELECT_HEARD = f"{_SELECT_MESSAGES} AND spoken.passed_at IS NULL ORDER BY incoming.message_id LIMIT %(limit)s"
_SELECT_MESSAGE = f"{_SELECT_MESSAGES} AND incoming.chat_id = %(chat_id)s AND incoming.message_id = %(message_id)s"
_NOTE_PASSED = "UPDATE spoken_words SET passed_at = now() WHERE incoming_id = %(incoming_id)s"


class Spoken(Value):
    """The sound of a voice note, as Telegram has it, whose it is, and its name; None for a question from a browser."""

    owner_id: UserId
    sound: bytes
    file_name: str | None


class SpokenQuestion(Value):
    """A question from a browser. It ``is_open`` until it has ``words`` or an error; refused ones do not do at all."""

    id: UUID
    is_open: bool
    words: str | None
    error_code: str | None
    error_text: str | None
    is_refused: bool


class Heard(Value):
    """What was recognised in the voice note ``incoming_id``, as a message of its person."""

    incoming_id: int
    message: IncomingMessage


async def put_sound(connection: Connection, id_: UUID, incoming_id: int, sound: bytes) -> UUID:
    """Store the sound of a voice note under a new id, or the one that it has; return the id."""
    row = await (await connection.execute(_INSERT, {"id": id_, "incoming_id": incoming_id, "sound": sound})).fetchone()
    assert row is not None  # noqa: S101  # it is inserted or updated, or the database raises
    return UUID(str(row["id"]))


async def find_to_hear(connection: Connection, id_: UUID) -> Spoken | None:
    """Load what has to be recognised; None when it was, or was cancelled."""
    parameters = {"id": id_, "hearing": IncomingState.HEARING}
    row = await (await connection.execute(_SELECT_TO_HEAR, parameters)).fetchone()
    return None if row is None else Spoken.model_validate(row)


async def store_words(connection: Connection, id_: UUID, words: str) -> None:
    """Store what was recognised; the sound goes."""
    parameters = {"id": id_, "words": words.replace("\0", "")}
    await connection.execute(_END, _ended(id_, IncomingState.STORED))
    await connection.execute(_SET_WORDS, parameters)
    await connection.execute(_SET_QUESTION, parameters)


async def store_failure(
    connection: Connection,
    id_: UUID,
    error_code: str,
    error_text: str,
    again_at: datetime | None,
    *,
    is_refused: bool = False,
) -> None:
    """Note why nothing was recognised, and when that will be tried again; with None it will not.

    ``is_refused`` tells that the sound is why: it is not listened to when it comes again.
    """
    state = IncomingState.REFUSED if again_at is None else IncomingState.HEARING
    failed = {"error_code": error_code, "error_text": error_text, "retry_at": again_at}
    await connection.execute(_END, {**_ended(id_, state), **failed})
    if again_at is None:
        await connection.execute(_FAIL_QUESTION, {"id": id_, "is_refused": is_refused, **failed})


async def find_question(connection: Connection, owner: UserId, sha256: str) -> SpokenQuestion | None:
    """Load what the owner has said with this sound; None when that is new."""
    row = await (await connection.execute(_SELECT_QUESTION, {"owner_id": owner, "sha256": sha256})).fetchone()
    return None if row is None else SpokenQuestion.model_validate(row)


async def put_question(connection: Connection, id_: UUID, owner: UserId, sha256: str, sound: bytes) -> UUID:
    """Store the sound of a question under a new id, or the one that it has; return the id."""
    parameters = {"id": id_, "owner_id": owner, "sha256": sha256, "sound": sound}
    row = await (await connection.execute(_PUT_QUESTION, parameters)).fetchone()
    assert row is not None  # noqa: S101  # it is inserted or updated, or the database raises
    return UUID(str(row["id"]))


async def list_heard(connection: Connection, limit: int) -> list[Heard]:
    """Load what was recognised and is not taken as text yet, in the order in which it was said."""
    parameters = {"stored": IncomingState.STORED, "limit": limit}
    return [_heard(row) async for row in await connection.execute(_SELECT_HEARD, parameters)]


async def find_heard(connection: Connection, chat: ChatId, message: MessageId) -> IncomingMessage | None:
    """Load what was recognised in a voice note of this message."""
    parameters = {"stored": IncomingState.STORED, "chat_id": chat, "message_id": message}
    row = await (await connection.execute(_SELECT_MESSAGE, parameters)).fetchone()
    return None if row is None else _heard(row).message


async def note_passed(connection: Connection, incoming_id: int) -> None:
    """Note that the words are among the updates that will be handled."""
    await connection.execute(_NOTE_PASSED, {"incoming_id": incoming_id})


def _ended(id_: UUID, state: IncomingState) -> dict[str, object]:
    nothing = dict.fromkeys(("error_code", "error_text", "retry_at"))
    return {**nothing, "id": id_, "state": state, "hearing": IncomingState.HEARING}


def _heard(row: DictRow) -> Heard:
    # Who names a person or a place says no full stop.
    words = row["words"].rstrip(" .") if row["answers"] else row["words"]
    person = TelegramPerson.model_validate({"id": row["telegram_id"], "name": row["name"]})
    message = IncomingMessage.model_validate(
        {
            "chat_id": row["chat_id"],
            "message_id": row["message_id"],
            "person": person,
            "text": words,
            "spoken": True,
            "answers": row["answers"],
        }
    )
    return Heard.model_validate({"incoming_id": row["incoming_id"], "message": message})
