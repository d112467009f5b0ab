"""Rows of ``speeches``."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import LiteralString
from uuid import UUID

from datamodels import UserId, Value
from datamodels_telegram import ChatId, MessageId
from db import Connection

_COLUMNS: LiteralString = """
    id, owner_id, kind, title, text, is_whole, voice, pieces, cardinality(parts) AS pieces_said, duration_s,
    octet_length(sound) AS size_bytes, error_code, error_text, retry_at, created_at, ended_at
"""
_SELECT: LiteralString = f"SELECT {_COLUMNS} FROM speeches WHERE owner_id = %(owner_id)s"  # noqa: S608  # of constants
_SELECT_ONE: LiteralString = f"{_SELECT} AND id = %(id)s"
_SELECT_SAME: LiteralString = f"{_SELECT} AND key = %(key)s FOR UPDATE"
_SELECT_PAGE: LiteralString = f"{_SELECT} ORDER BY created_at DESC, id LIMIT %(limit)s OFFSET %(offset)s"
_COUNT = "SELECT count(*) AS total FROM speeches WHERE owner_id = %(owner_id)s"
_SELECT_SOUND = "SELECT sound FROM speeches WHERE owner_id = %(owner_id)s AND id = %(id)s AND sound IS NOT NULL"
_INSERT = """
    INSERT INTO speeches (id, owner_id, kind, answer_id, run_id, title, text, is_whole, voice, key, pieces)
    VALUES (
        %(id)s, %(owner_id)s, %(kind)s, %(answer_id)s, (SELECT id FROM report_runs WHERE id = %(run_id)s), %(title)s,
        %(text)s, %(is_whole)s, %(voice)s, %(key)s, %(pieces)s
    )
"""
_GO_ON = """
    UPDATE speeches SET error_code = NULL, error_text = NULL, retry_at = NULL, ended_at = NULL WHERE id = %(id)s
"""
_SET_CHAT = """
    UPDATE speeches SET chat_id = %(chat_id)s, occasion = %(occasion)s, progress_id = NULL, delivered_at = NULL
    WHERE id = %(id)s AND (chat_id, occasion) IS DISTINCT FROM (%(chat_id)s::bigint, %(occasion)s::text)
"""
_DELETE = "DELETE FROM speeches WHERE owner_id = %(owner_id)s AND id = %(id)s RETURNING id"
_SELECT_TO_SAY = "SELECT text, voice, parts FROM speeches WHERE id = %(id)s AND ended_at IS NULL"
_BEGIN_AGAIN = "UPDATE speeches SET parts = '{}', voice = %(voice)s WHERE id = %(id)s"
_ADD_PART = """
    UPDATE speeches SET
        parts = parts || %(part)s::bytea, pieces = %(pieces)s, error_code = NULL, error_text = NULL, retry_at = NULL
    WHERE id = %(id)s AND cardinality(parts) = %(place)s
"""
_SELECT_EXISTS = "SELECT FROM speeches WHERE id = %(id)s"
_FINISH = """
    UPDATE speeches SET
        sound = %(sound)s, duration_s = %(duration_s)s, parts = '{}', ended_at = now(),
        error_code = NULL, error_text = NULL, retry_at = NULL
    WHERE id = %(id)s AND ended_at IS NULL
"""
_FAIL = """
    UPDATE speeches SET
        error_code = %(error_code)s, error_text = %(error_text)s, retry_at = %(retry_at)s,
        ended_at = CASE WHEN %(retry_at)s::timestamptz IS NULL THEN now() END
    WHERE id = %(id)s AND ended_at IS NULL
"""
_SELECT_UNDELIVERED: LiteralString = f"""
    SELECT {_COLUMNS}, chat_id, occasion, progress_id
    FROM speeches WHERE chat_id IS NOT NULL AND delivered_at IS NULL ORDER BY created_at LIMIT %(limit)s
"""  # noqa: S608
_NOTE_PROGRESS = "UPDATE speeches SET progress_id = %(progress_id)s WHERE id = %(id)s"
_NOTE_DELIVERED = """
    UPDATE speeches SET delivered_at = now(), progress_id = NULL
    WHERE id = %(id)s AND occasion = %(occasion)s AND delivered_at IS NULL
"""


class SpeechOf(StrEnum):
    """What is said."""

    ANSWER = "answer"
    REPORT = "report"
    TEXT = "text"


class Speech(Value):
    """A row of ``speeches`` without its sound, of which ``size_bytes`` are there.

    ``is_whole`` is False when only the beginning is said. ``pieces_said`` counts what is paid for; once all is
    joined it is 0. With ``retry_at`` the job is tried again; with an ``error_code`` and ``ended_at`` it is not.
    """

    id: UUID
    owner_id: UserId
    kind: SpeechOf
    title: str
    text: str
    is_whole: bool
    voice: str
    pieces: int
    pieces_said: int
    duration_s: float | None
    size_bytes: int | None
    error_code: str | None
    error_text: str | None
    retry_at: datetime | None
    created_at: datetime
    ended_at: datetime | None

    @property
    def is_ready(self) -> bool:
        return self.size_bytes is not None

    @property
    def has_failed(self) -> bool:
        return self.ended_at is not None and self.size_bytes is None


class NewSpeech(Value):
    """A speech that nobody has asked for before. ``key`` tells it from others of its owner: voice and text."""

    id: UUID
    owner_id: UserId
    kind: SpeechOf
    answer_id: UUID | None
    run_id: UUID | None
    title: str
    text: str
    is_whole: bool
    voice: str
    key: str
    pieces: int


class ToSay(Value):
    """What is to be said by ``voice``, and the sound of its first pieces."""

    text: str
    voice: str
    parts: tuple[bytes, ...]


class Undelivered(Speech):
    """A speech that a chat waits for."""

    chat_id: ChatId
    occasion: str
    progress_id: MessageId | None


async def find(connection: Connection, owner: UserId, id_: UUID) -> Speech | None:
    """Load a speech of the owner."""
    row = await (await connection.execute(_SELECT_ONE, {"owner_id": owner, "id": id_})).fetchone()
    return None if row is None else Speech.model_validate(row)


async def lock_same(connection: Connection, owner: UserId, key: str) -> Speech | None:
    """Load what says the same, and keep others from changing it until the transaction ends."""
    row = await (await connection.execute(_SELECT_SAME, {"owner_id": owner, "key": key})).fetchone()
    return None if row is None else Speech.model_validate(row)


async def page(connection: Connection, owner: UserId, limit: int, offset: int) -> tuple[int, Sequence[Speech]]:
    """Load how many speeches the owner has, and some of them, the newest first."""
    counted = await (await connection.execute(_COUNT, {"owner_id": owner})).fetchone()
    cursor = await connection.execute(_SELECT_PAGE, {"owner_id": owner, "limit": limit, "offset": offset})
    return int(counted["total"]) if counted else 0, [Speech.model_validate(row) async for row in cursor]


async def sound(connection: Connection, owner: UserId, id_: UUID) -> bytes | None:
    """Load the sound of a speech of the owner; None when it has none, or not yet."""
    row = await (await connection.execute(_SELECT_SOUND, {"owner_id": owner, "id": id_})).fetchone()
    return None if row is None else bytes(row["sound"])


async def insert(connection: Connection, new: NewSpeech) -> None:
    """Insert a speech."""
    await connection.execute(_INSERT, new.model_dump())


async def go_on(connection: Connection, id_: UUID) -> None:
    """Forget that a speech failed; what was said stays."""
    await connection.execute(_GO_ON, {"id": id_})


async def set_chat(connection: Connection, id_: UUID, chat: ChatId, occasion: str) -> None:
    """Note the chat that waits for a speech; the same ``occasion`` again changes nothing."""
    await connection.execute(_SET_CHAT, {"id": id_, "chat_id": chat, "occasion": occasion})


async def delete(connection: Connection, owner: UserId, id_: UUID) -> bool:
    """Delete a speech of the owner; False when there is none of this id."""
    cursor = await connection.execute(_DELETE, {"owner_id": owner, "id": id_})
    return await cursor.fetchone() is not None


async def find_to_say(connection: Connection, id_: UUID) -> ToSay | None:
    """Load what is to be said; None when that is done, was given up or deleted."""
    row = await (await connection.execute(_SELECT_TO_SAY, {"id": id_})).fetchone()
    return None if row is None else ToSay.model_validate({**row, "parts": tuple(map(bytes, row["parts"]))})


async def begin_again(connection: Connection, id_: UUID, voice: str) -> None:
    """Drop what another voice has said."""
    await connection.execute(_BEGIN_AGAIN, {"id": id_, "voice": voice})


async def add_part(connection: Connection, id_: UUID, place: int, part: bytes, pieces: int) -> bool:
    """Store the sound of the piece ``place``, from 0, of ``pieces``; False when it was there before.

    Of a speech that was deleted meanwhile nothing is stored, and it is True.
    """
    cursor = await connection.execute(_ADD_PART, {"id": id_, "place": place, "part": part, "pieces": pieces})
    return cursor.rowcount > 0 or (await connection.execute(_SELECT_EXISTS, {"id": id_})).rowcount == 0


async def finish(connection: Connection, id_: UUID, whole: bytes, duration_s: float) -> None:
    """Store the whole sound; its parts go."""
    await connection.execute(_FINISH, {"id": id_, "sound": whole, "duration_s": duration_s})


async def fail(connection: Connection, id_: UUID, error_code: str, error_text: str, retry_at: datetime | None) -> None:
    """Note why a speech failed, and when that is tried again; with None it is not."""
    parameters = {"id": id_, "error_code": error_code, "error_text": error_text, "retry_at": retry_at}
    await connection.execute(_FAIL, parameters)


async def list_undelivered(connection: Connection, limit: int) -> Sequence[Undelivered]:
    """Load what chats wait for, the oldest first."""
    cursor = await connection.execute(_SELECT_UNDELIVERED, {"limit": limit})
    return [Undelivered.model_validate(row) async for row in cursor]


async def note_progress(connection: Connection, id_: UUID, message: MessageId) -> None:
    """Note the message that shows how far a speech is."""
    await connection.execute(_NOTE_PROGRESS, {"id": id_, "progress_id": message})


async def note_delivered(connection: Connection, id_: UUID, occasion: str) -> bool:
    """Note that the chat has what it waited for; False when it was asked for anew meanwhile."""
    return (await connection.execute(_NOTE_DELIVERED, {"id": id_, "occasion": occasion})).rowcount == 1
