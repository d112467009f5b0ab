"""The photographs that an avatar has before its training: looked at one by one, and taken out."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from avatars import avatars_store
from avatars.gallery import read_object, smaller
from avatars.models import COLLECTING, FEWEST_PHOTOS, TRAINABLE, Avatar, AvatarStatus, Photo
from datamodels import UserId
from db import Connection, Database
from errors import NotFound
from object_store import ObjectStore


class PhotoSet:
    """The photographs of everybody, read by way of the folder ``spool``."""

    def __init__(self, database: Database, objects: ObjectStore, spool: Path) -> None:
        self._database = database
        self._objects = objects
        self._spool = spool

    async def listed(self, owner: UserId, number: int) -> tuple[Avatar, Sequence[Photo]]:
        """Load an avatar and its photographs, in the order in which they came; none once it is trained.

        Raises:
            NotFound: there is no such avatar, or it is someone else's.
        """
        async with self._database.transaction() as connection:
            avatar = await avatars_store.get(connection, owner, number)
            may_change = avatar.status in COLLECTING | TRAINABLE
            return avatar, await avatars_store.list_photos(connection, avatar.id) if may_change else []

    async def content(self, owner: UserId, number: int, photo: UUID, *, small: bool = False) -> bytes:
        """Return the JPEG of a photograph; a ``small`` one has at most 320 pixels a side.

        Raises:
            NotFound: there is none, or it is someone else's.
            ObjectStoreUnavailable, DiskFull: not possible now.
        """
        _, photos = await self.listed(owner, number)
        content = await read_object(self._objects, self._spool, _found(photos, photo).object_key)
        return await asyncio.to_thread(smaller, content) if small else content

    async def remove(self, owner: UserId, number: int, photo: UUID) -> None:
        """Delete a photograph; the avatar takes others in its place. Raises as ``content``."""
        # No photograph comes in meanwhile: the same one, sent again, has the same key.
        async with self._database.locks.held(f"photos:{owner}"):
            _, photos = await self.listed(owner, number)
            # Its object goes first: a press that a crash cut off is handled again, and its row is there then.
            await self._objects.delete(_found(photos, photo).object_key)
            async with self._database.transaction() as connection:
                await self._forget(connection, owner, number, photo)

    async def _forget(self, connection: Connection, owner: UserId, number: int, photo: UUID) -> None:
        avatar = await avatars_store.get(connection, owner, number, lock=True)
        await avatars_store.remove_photo(connection, avatar.id, photo)
        accepted = (await avatars_store.count_photos(connection, avatar.id)).accepted
        if avatar.status in TRAINABLE and accepted < FEWEST_PHOTOS:
            await avatars_store.set_status(connection, avatar.id, AvatarStatus.PHOTOS_UPLOADING)
        else:
            await avatars_store.touch(connection, avatar.id)


def _found(photos: Sequence[Photo], photo: UUID) -> Photo:
    for each in photos:
        if each.id == photo:
            return each
    raise NotFound(what=f"photo {photo}")
