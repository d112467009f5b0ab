"""Photographs that people send for an avatar: taken in as files, checked one by one, kept or refused."""

import asyncio
from pathlib import Path

import structlog

import incoming_store
import texts.avatars
from avatars import avatars_store
from avatars.models import COLLECTING, FEWEST_PHOTOS, MOST_PHOTOS, Avatar, AvatarId, AvatarStatus
from avatars.photos import GoodPhoto, check_description, checked, may_be_photo
from datamodels import UserId
from datamodels_telegram import AttachedFile, FilePurpose, IncomingFile, IncomingMessage
from db import Connection, Database
from errors_of_operation import PhotoRefused
from object_store import ObjectStore
from random_ids import new_id, new_random_id
from utils import sha256_of_file

log = structlog.get_logger(__name__)


class AvatarPhotos:
    """The photographs of everybody. Two of them at once are checked against each other: one waits for the other."""

    def __init__(self, database: Database, objects: ObjectStore) -> None:
        self._database = database
        self._objects = objects

    async def take_in(self, owner: UserId, message: IncomingMessage) -> bool:
        """Take the picture of a message in for the avatar that waits for photographs; False when there is neither.

        A message that is handled again is taken in once. The card comes anew below the first of several.
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

    async def check(self, file: IncomingFile, path: Path) -> None:
        """Keep the photograph that has come to ``path``.

        Raises:
            PhotoRefused: it is no photograph to train on, or its avatar takes no more.
            ObjectStoreUnavailable, DiskFull: not possible now.
        """
        sha256 = await sha256_of_file(path)
        async with self._database.locks.held(f"photos:{file.owner_id}"):
            async with self._database.transaction() as connection:
                avatar = await self._taking(connection, file.id)
                known = await avatars_store.likenesses(connection, avatar.id)
            _check_against(sha256, known)
            photo = await asyncio.to_thread(checked, path, [likeness for _, likeness in known])
            key = key_for_photo(avatar.owner_id, avatar.id, sha256)
            await self._objects.put_bytes(key, photo.content)
            async with self._database.transaction() as connection:
                await self._keep(connection, file.id, sha256, photo, key)

    async def _keep(self, connection: Connection, incoming_id: int, sha256: str, photo: GoodPhoto, key: str) -> None:
        avatar = await self._taking(connection, incoming_id)
        if await incoming_store.lock_open(connection, incoming_id) is None:
            return
        await avatars_store.accept_photo(connection, incoming_id, sha256, photo.likeness, key)
        await incoming_store.finish_accepted(connection, incoming_id)
        accepted = (await avatars_store.count_photos(connection, avatar.id)).accepted
        if avatar.status is AvatarStatus.PHOTOS_UPLOADING and accepted >= FEWEST_PHOTOS:
            await avatars_store.set_status(connection, avatar.id, AvatarStatus.READY_FOR_TRAINING)

    async def _taking(self, connection: Connection, incoming_id: int) -> Avatar:
        avatar = await avatars_store.avatar_of_photo(connection, incoming_id)
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
