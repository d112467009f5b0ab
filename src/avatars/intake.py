"""Photographs that people send for an avatar: taken in as files, checked one by one, kept or refused."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog

import incoming_store
import texts.avatars
from avatars import avatars_store
from avatars.models import COLLECTING, FEWEST_PHOTOS, MOST_PHOTOS, Avatar, AvatarId, AvatarStatus, PhotoCounts
from avatars.photos import check_description, checked, may_be_photo
from datamodels import UserId
from datamodels_telegram import AttachedFile, FilePurpose, IncomingFile, IncomingMessage
from db import Connection, Database
from errors_of_operation import PhotoRefused
from object_store import ObjectStore
from random_ids import new_id, new_random_id
from utils import sha256_of_file

log = structlog.get_logger(__name__)

_Taking = Callable[[Connection], Awaitable[Avatar]]
_Keep = Callable[[Connection, str, int, str], Awaitable[bool]]
"""Notes hash, likeness and key of a photograph; False when it was given up meanwhile."""


class AvatarPhotos:
    """The photographs of everybody. Two of them at once are checked against each other: one waits for the other."""

    def __init__(self, database: Database, objects: ObjectStore) -> None:
        self._database = database
        self._objects = objects

    async def take_in(self, owner: UserId, message: IncomingMessage) -> bool:
        """Take the picture of a message in for the avatar that waits for photographs; False when there is neither.

        Only the avatar whose card the chat shows waits: below another menu nobody means it any more. A message that is
        handled again is taken in once. The card comes anew below the first of several.
        """
        picture = message.picture or (message.file if message.file and may_be_photo(message.file) else None)
        if picture is None:
            return False
        async with self._database.transaction() as connection:
            avatar = await avatars_store.find_collecting(connection, owner)
            if avatar is None:
                return False
            waiting = (await avatars_store.count_photos(connection, avatar.id)).waiting
            with_file = message.model_copy(update={"file": picture})
            incoming = await incoming_store.add(connection, owner, with_file, None, FilePurpose.PHOTO)
            await avatars_store.add_photo(connection, avatar.id, new_id(), incoming.id)
            if not waiting:
                await avatars_store.want_new_card(connection, avatar.id, new_random_id())
            else:
                await avatars_store.touch(connection, avatar.id)
            if incoming.finished_at is None:
                await _refuse_by_description(connection, incoming.id, picture)
        return True

    async def asks_for_consent(self, owner: UserId) -> bool:
        """Tell whether the person's chat shows a card that asks for the consent of the person shown."""
        async with self._database.transaction() as connection:
            return await avatars_store.asks_for_consent(connection, owner)

    async def check(self, file: IncomingFile, path: Path) -> None:
        """Keep the photograph that has come to ``path``.

        Raises:
            PhotoRefused: it is no photograph to train on, or its avatar takes no more.
            ObjectStoreUnavailable, DiskFull: not possible now.
        """

        async def taking(connection: Connection) -> Avatar:
            return await self._taking(connection, await avatars_store.avatar_of_photo(connection, file.id))

        async def keep(connection: Connection, sha256: str, likeness: int, key: str) -> bool:
            if await incoming_store.lock_open(connection, file.id) is None:
                return False
            await avatars_store.accept_photo(connection, file.id, sha256, likeness, key)
            await incoming_store.finish_accepted(connection, file.id)
            return True

        await self._check(file.owner_id, path, taking, keep)

    async def check_taking(self, owner: UserId, number: int) -> None:
        """Refuse a photograph before it comes.

        Raises:
            NotFound: there is no such avatar, or it is someone else's.
            PhotoRefused: the avatar takes no more.
        """
        async with self._database.transaction() as connection:
            await self._taking(connection, await avatars_store.get(connection, owner, number))

    async def keep(self, owner: UserId, number: int, path: Path) -> PhotoCounts:
        """Keep the photograph at ``path``, which came without a message; return how many there are by now.

        Raises:
            NotFound: there is no such avatar, or it is someone else's.
            PhotoRefused, ObjectStoreUnavailable, DiskFull: as ``check``.
        """

        async def taking(connection: Connection) -> Avatar:
            return await self._taking(connection, await avatars_store.get(connection, owner, number, lock=True))

        async def keep(connection: Connection, sha256: str, likeness: int, key: str) -> bool:
            avatar = await avatars_store.get(connection, owner, number)
            await avatars_store.add_accepted(connection, avatar.id, new_id(), sha256, likeness, key)
            await avatars_store.touch(connection, avatar.id)
            return True

        avatar = await self._check(owner, path, taking, keep)
        async with self._database.transaction() as connection:
            return await avatars_store.count_photos(connection, avatar.id)

    async def _check(self, owner: UserId, path: Path, taking: _Taking, keep: _Keep) -> Avatar:
        """Keep the photograph at ``path`` for the avatar that ``taking`` locks; ``keep`` notes it, if it may."""
        sha256 = await sha256_of_file(path)
        async with self._database.locks.held(f"photos:{owner}"):
            async with self._database.transaction() as connection:
                avatar = await taking(connection)
                known = await avatars_store.likenesses(connection, avatar.id)
            _check_against(sha256, known)
            photo = await asyncio.to_thread(checked, path, [likeness for _, likeness in known])
            key = key_for_photo(avatar.owner_id, avatar.id, sha256)
            await self._objects.put_bytes(key, photo.content)
            async with self._database.transaction() as connection:
                avatar = await taking(connection)
                if await keep(connection, sha256, photo.likeness, key):
                    accepted = (await avatars_store.count_photos(connection, avatar.id)).accepted
                    if avatar.status is AvatarStatus.PHOTOS_UPLOADING and accepted >= FEWEST_PHOTOS:
                        await avatars_store.set_status(connection, avatar.id, AvatarStatus.READY_FOR_TRAINING)
        return avatar

    async def _taking(self, connection: Connection, avatar: Avatar | None) -> Avatar:
        """Return the avatar if it takes photographs."""
        if avatar is None or avatar.status not in COLLECTING:
            raise PhotoRefused(reason=texts.avatars.NOT_COLLECTING)
        if (await avatars_store.count_photos(connection, avatar.id)).accepted >= MOST_PHOTOS:
            raise PhotoRefused(reason=texts.avatars.TOO_MANY)
        return avatar


def key_for_photo(owner: UserId, avatar: AvatarId, sha256: str) -> str:
    """Return the key of a photograph: a check that a crash cut off writes the same object again."""
    return f"avatars/{owner}/{avatar}/photos/{sha256}.jpg"


async def _refuse_by_description(connection: Connection, incoming_id: int, picture: AttachedFile) -> None:
    try:
        check_description(picture)
    except PhotoRefused as exc:
        await incoming_store.finish_refused(connection, incoming_id, exc.code, exc.user_text)


def _check_against(sha256: str, known: list[tuple[str, int]]) -> None:
    if any(sha256 == other for other, _ in known):
        raise PhotoRefused(reason=texts.avatars.KNOWN)
