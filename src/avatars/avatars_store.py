"""Rows of ``avatars`` and ``avatar_photos``."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, LiteralString
from uuid import UUID

from avatars.models import Avatar, AvatarId, AvatarStatus, Gender, Photo, PhotoCounts
from datamodels import UserId
from datamodels_telegram import ChatId, IncomingState, MessageId
from db import Connection
from errors import NotFound

_COLUMNS = """
    id, owner_id, number, chat_id, name, gender, status, is_test, weights_key, error_code, error_text, version, card_id,
    card_random_id, card_wanted
"""
_LOCK_PERSON = "SELECT FROM users WHERE id = %(owner_id)s FOR NO KEY UPDATE"
_INSERT = f"""
    INSERT INTO avatars (id, owner_id, number, chat_id, name, is_test, card_random_id)
    SELECT
        %(id)s, %(owner_id)s, coalesce(max(number), 0) + 1, %(chat_id)s, %(name)s, %(is_test)s, %(random_id)s
    FROM avatars WHERE owner_id = %(owner_id)s
    RETURNING {_COLUMNS}
"""
_SELECT = f"SELECT {_COLUMNS} FROM avatars WHERE deleted_at IS NULL"
_SELECT_OWNED = f"{_SELECT} AND owner_id = %(owner_id)s"
_SELECT_ONE = f"{_SELECT_OWNED} AND number = %(number)s"
_SELECT_ALL = f"{_SELECT_OWNED} ORDER BY number"
_MAY_GO = "EXISTS (SELECT FROM sent_messages WHERE sent_messages.chat_id = avatars.chat_id AND message_id = card_id)"
_IN_CHAT = f"(card_wanted OR {_MAY_GO})"
_SELECT_COLLECTING = f"""
    {_SELECT_OWNED} AND status IN ('photos_uploading', 'ready_for_training') AND {_IN_CHAT}
    ORDER BY opened_at DESC, number DESC LIMIT 1 FOR NO KEY UPDATE
"""
_ASKS_FOR_CONSENT = f"""
    SELECT FROM avatars WHERE owner_id = %(owner_id)s AND deleted_at IS NULL AND status = 'draft' AND gender IS NOT NULL
        AND {_IN_CHAT}
"""
_SELECT_BY_ID = f"SELECT {_COLUMNS} FROM avatars WHERE id = %(id)s"
_SELECT_UNSHOWN = f"""
    {_SELECT} AND shown_version <> version AND chat_id IS NOT NULL
        AND NOT EXISTS (SELECT FROM users WHERE users.id = owner_id AND left_at IS NOT NULL)
    ORDER BY id LIMIT 20
"""
_SET: LiteralString = "UPDATE avatars SET version = version + 1, {changes} WHERE id = %(id)s"
_SET_STATUS = _SET.replace("{changes}", "status = %(status)s, error_code = %(error_code)s, error_text = %(error_text)s")
_SET_GENDER = _SET.replace("{changes}", "gender = %(gender)s")
_CONSENT = _SET.replace("{changes}", "consent_at = now(), status = 'photos_uploading', opened_at = now()")
_COMPLETE = _SET.replace(
    "{changes}",
    """status = 'completed', error_code = NULL, error_text = NULL, weights_key = %(weights_key)s,
    weights_url = %(weights_url)s, weights_until = now() + %(stays)s""",
)
_TOUCH = "UPDATE avatars SET version = version + 1 WHERE id = %(id)s"
_SET_WEIGHTS_URL = "UPDATE avatars SET weights_url = %(url)s, weights_until = now() + %(stays)s WHERE id = %(id)s"
_FORGET_WEIGHTS_URL = "UPDATE avatars SET weights_url = NULL, weights_until = NULL WHERE id = %(id)s"
# One that lasts for longer was noted by a clock that was ahead.
_SELECT_WEIGHTS_URL = """
    SELECT weights_url FROM avatars
    WHERE id = %(id)s AND weights_until > now() + %(spare)s AND weights_until <= now() + %(stays)s
"""
_NOTE_CARD = """
    UPDATE avatars SET card_id = %(card_id)s, shown_version = %(version)s, card_wanted = false, opened_at = now()
    WHERE id = %(id)s
"""
_NOTE_SHOWN = """
    UPDATE avatars SET card_id = %(card_id)s, shown_version = %(version)s, card_wanted = false WHERE id = %(id)s
"""
_CLOSE_CARD = f"""
    UPDATE avatars SET card_id = NULL WHERE owner_id = %(owner_id)s AND card_id = %(card_id)s AND {_MAY_GO}
"""
_NEW_CARD = """
    UPDATE avatars SET card_id = NULL, card_random_id = %(random_id)s, card_wanted = true, version = version + 1
    WHERE id = %(id)s
"""
_DELETE = """
    UPDATE avatars SET
        deleted_at = now(), name = '', status = CASE WHEN status = 'training' THEN 'cancelled' ELSE status END
    WHERE id = %(id)s
"""
_ADD_PHOTO = """
    INSERT INTO avatar_photos (id, avatar_id, incoming_id) VALUES (%(photo_id)s, %(id)s, %(incoming_id)s)
    ON CONFLICT (incoming_id) DO NOTHING
"""
_ADD_ACCEPTED = """
    INSERT INTO avatar_photos (id, avatar_id, sha256, likeness, object_key)
    VALUES (%(photo_id)s, %(id)s, %(sha256)s, %(likeness)s, %(object_key)s)
"""
_SELECT_AVATAR_OF_PHOTO = f"""
    SELECT {_COLUMNS} FROM avatars
    WHERE id = (SELECT avatar_id FROM avatar_photos WHERE incoming_id = %(incoming_id)s) AND deleted_at IS NULL
    FOR NO KEY UPDATE
"""
_SELECT_LIKENESSES = "SELECT sha256, likeness FROM avatar_photos WHERE avatar_id = %(id)s AND object_key IS NOT NULL"
_ACCEPT = """
    UPDATE avatar_photos SET sha256 = %(sha256)s, likeness = %(likeness)s, object_key = %(object_key)s
    WHERE incoming_id = %(incoming_id)s
"""
_SELECT_PHOTOS = """
    SELECT id, object_key FROM avatar_photos WHERE avatar_id = %(id)s AND object_key IS NOT NULL
    ORDER BY place
"""
_REMOVE_PHOTO = "DELETE FROM avatar_photos WHERE avatar_id = %(id)s AND id = %(photo_id)s"
_COUNT = """
    SELECT
        count(*) FILTER (WHERE object_key IS NOT NULL) AS accepted,
        count(*) FILTER (WHERE incoming.id IS NOT NULL AND incoming.finished_at IS NULL) AS waiting
    FROM avatar_photos LEFT JOIN incoming_files AS incoming ON incoming.id = incoming_id
    WHERE avatar_id = %(id)s
"""
_COUNT_REFUSED = """
    SELECT incoming.error_text AS reason, count(*) AS count
    FROM avatar_photos JOIN incoming_files AS incoming ON incoming.id = incoming_id
    WHERE avatar_id = %(id)s AND incoming.state = %(refused)s GROUP BY incoming.error_text ORDER BY min(incoming.id)
"""


async def lock_person(connection: Connection, owner: UserId) -> None:
    """Keep other transactions from counting or numbering what this person has until this one ends."""
    await connection.execute(_LOCK_PERSON, {"owner_id": owner})


async def add(  # the columns of a row
    connection: Connection,
    id_: AvatarId,
    owner: UserId,
    chat: ChatId | None,
    name: str,
    random_id: int,
    *,
    is_test: bool,
) -> Avatar:
    """Add a draft; the caller holds ``lock_person``."""
    parameters = {
        "id": id_,
        "owner_id": owner,
        "chat_id": chat,
        "name": name,
        "random_id": random_id,
        "is_test": is_test,
    }
    return Avatar.model_validate(await (await connection.execute(_INSERT, parameters)).fetchone())


async def get(connection: Connection, owner: UserId, number: int, *, lock: bool = False) -> Avatar:
    """Load an avatar for its owner; with ``lock`` nobody else changes it until the transaction ends.

    Raises:
        NotFound: there is none, or it is someone else's.
    """
    query: LiteralString = f"{_SELECT_ONE} FOR NO KEY UPDATE" if lock else _SELECT_ONE
    row = await (await connection.execute(query, {"owner_id": owner, "number": number})).fetchone()
    if row is None:
        raise NotFound(what=f"avatar {number}")
    return Avatar.model_validate(row)


async def by_id(connection: Connection, id_: AvatarId, *, lock: bool = False) -> Avatar | None:
    """Load an avatar, deleted or not."""
    query: LiteralString = f"{_SELECT_BY_ID} FOR NO KEY UPDATE" if lock else _SELECT_BY_ID
    row = await (await connection.execute(query, {"id": id_})).fetchone()
    return None if row is None else Avatar.model_validate(row)


async def list_owned(connection: Connection, owner: UserId) -> list[Avatar]:
    """Load a person's avatars, in the order of their numbers."""
    return [Avatar.model_validate(row) async for row in await connection.execute(_SELECT_ALL, {"owner_id": owner})]


async def find_collecting(connection: Connection, owner: UserId) -> Avatar | None:
    """Load and lock the avatar that a person's photographs are for; None unless its card is what the chat shows."""
    row = await (await connection.execute(_SELECT_COLLECTING, {"owner_id": owner})).fetchone()
    return None if row is None else Avatar.model_validate(row)


async def asks_for_consent(connection: Connection, owner: UserId) -> bool:
    """Tell whether the chat shows a card that asks for the consent of the person shown."""
    return (await connection.execute(_ASKS_FOR_CONSENT, {"owner_id": owner})).rowcount > 0


async def list_unshown(connection: Connection) -> list[Avatar]:
    """Load avatars whose card shows an earlier version of them, of people who are of the team."""
    return [Avatar.model_validate(row) async for row in await connection.execute(_SELECT_UNSHOWN)]


async def set_gender(connection: Connection, id_: AvatarId, gender: Gender) -> None:
    await connection.execute(_SET_GENDER, {"id": id_, "gender": gender})


async def note_consent(connection: Connection, id_: AvatarId) -> None:
    """Note that the person shown agrees; photographs are taken from then on."""
    await connection.execute(_CONSENT, {"id": id_})


async def set_status(
    connection: Connection, id_: AvatarId, status: AvatarStatus, code: str | None = None, text: str | None = None
) -> None:
    """Note a status, with why it is an error if it is one."""
    parameters = {"id": id_, "status": status, "error_code": code, "error_text": text}
    await connection.execute(_SET_STATUS, parameters)


async def complete(connection: Connection, id_: AvatarId, key: str, url: str, stays: timedelta) -> None:
    """Note that an avatar is trained: its weights are in our store, and at the service for as long as ``stays``."""
    parameters = {"id": id_, "weights_key": key, "weights_url": url, "stays": stays}
    await connection.execute(_COMPLETE, parameters)


async def touch(connection: Connection, id_: AvatarId) -> None:
    """Have the card drawn anew: something else that it shows has changed."""
    await connection.execute(_TOUCH, {"id": id_})


async def set_weights_url(connection: Connection, id_: AvatarId, url: str, stays: timedelta) -> None:
    """Note where the service can fetch the weights for as long as ``stays``."""
    await connection.execute(_SET_WEIGHTS_URL, {"id": id_, "url": url, "stays": stays})


async def forget_weights_url(connection: Connection, id_: AvatarId) -> None:
    """Note that nobody knows of an address at which the service can fetch the weights."""
    await connection.execute(_FORGET_WEIGHTS_URL, {"id": id_})


async def weights_url(connection: Connection, id_: AvatarId, spare: timedelta, stays: timedelta) -> str | None:
    """Return where the service can fetch the weights, for ``spare`` at least and ``stays`` at most; None if nowhere."""
    parameters = {"id": id_, "spare": spare, "stays": stays}
    row = await (await connection.execute(_SELECT_WEIGHTS_URL, parameters)).fetchone()
    return None if row is None else str(row["weights_url"])


async def note_card(connection: Connection, id_: AvatarId, card: MessageId, version: int) -> None:
    """Note which message shows an avatar, in which version; its person has just opened it."""
    await connection.execute(_NOTE_CARD, {"id": id_, "card_id": card, "version": version})


async def note_shown(connection: Connection, id_: AvatarId, card: MessageId | None, version: int) -> None:
    """Note what the card shows now; None when the message is gone."""
    await connection.execute(_NOTE_SHOWN, {"id": id_, "card_id": card, "version": version})


async def close_card(connection: Connection, owner: UserId, card: MessageId) -> None:
    """Note that a message shows something else now; a card that stays, as that of a training does, is left as it is."""
    await connection.execute(_CLOSE_CARD, {"owner_id": owner, "card_id": card})


async def want_new_card(connection: Connection, id_: AvatarId, random_id: int) -> None:
    """Have the card sent anew, below what its person has written since."""
    await connection.execute(_NEW_CARD, {"id": id_, "random_id": random_id})


async def mark_deleted(connection: Connection, id_: AvatarId) -> None:
    """Take an avatar away from its person; its objects follow."""
    await connection.execute(_DELETE, {"id": id_})


async def add_photo(connection: Connection, id_: AvatarId, photo: UUID, incoming_id: int) -> None:
    """Add a photograph that will be fetched; one that was added before stays as it is."""
    await connection.execute(_ADD_PHOTO, {"id": id_, "photo_id": photo, "incoming_id": incoming_id})


async def add_accepted(
    connection: Connection, id_: AvatarId, photo: UUID, sha256: str, likeness: int, key: str
) -> None:
    """Add a photograph that came without a message and is in the object store under ``key``."""
    parameters = {"id": id_, "photo_id": photo, "sha256": sha256, "likeness": likeness, "object_key": key}
    await connection.execute(_ADD_ACCEPTED, parameters)


async def avatar_of_photo(connection: Connection, incoming_id: int) -> Avatar | None:
    """Load and lock the avatar of a photograph; None when it is deleted."""
    row = await (await connection.execute(_SELECT_AVATAR_OF_PHOTO, {"incoming_id": incoming_id})).fetchone()
    return None if row is None else Avatar.model_validate(row)


async def likenesses(connection: Connection, id_: AvatarId) -> list[tuple[str, int]]:
    """Return hash and likeness of each accepted photograph."""
    rows = await connection.execute(_SELECT_LIKENESSES, {"id": id_})
    return [(row["sha256"], row["likeness"]) async for row in rows]


async def accept_photo(connection: Connection, incoming_id: int, sha256: str, likeness: int, key: str) -> None:
    """Note that a photograph is accepted; it is in the object store under ``key``."""
    parameters: dict[str, Any] = {
        "incoming_id": incoming_id,
        "sha256": sha256,
        "likeness": likeness,
        "object_key": key,
    }
    await connection.execute(_ACCEPT, parameters)


async def list_photos(connection: Connection, id_: AvatarId) -> Sequence[Photo]:
    """Load the accepted photographs, in the order in which they came."""
    return [Photo.model_validate(row) async for row in await connection.execute(_SELECT_PHOTOS, {"id": id_})]


async def remove_photo(connection: Connection, id_: AvatarId, photo: UUID) -> None:
    """Forget a photograph; its object is gone."""
    await connection.execute(_REMOVE_PHOTO, {"id": id_, "photo_id": photo})


async def count_photos(connection: Connection, id_: AvatarId) -> PhotoCounts:
    """Count an avatar's photographs."""
    row = await (await connection.execute(_COUNT, {"id": id_})).fetchone()
    rows = await connection.execute(_COUNT_REFUSED, {"id": id_, "refused": IncomingState.REFUSED})
    refused = {str(each["reason"]): int(each["count"]) async for each in rows}
    return PhotoCounts.model_validate({**(row or {}), "refused": refused})
