"""The files of pictures, for whoever sends them to their owners."""

from pathlib import Path
from uuid import UUID

import texts.avatars
from avatars import avatars_store, orders_store
from avatars.models import OrderId
from datamodels import UserId
from db import Database
from object_store import ObjectStore


class PictureFiles:
    """Fetches pictures of the object store."""

    def __init__(self, database: Database, objects: ObjectStore) -> None:
        self._database = database
        self._objects = objects

    async def fetch(self, owner: UserId, id_: UUID, path: Path) -> str:
        """Write a picture to ``path``; return its file name.

        Raises:
            NotFound: the owner has no such picture.
            ObjectStoreUnavailable, DiskFull: not possible now.
        """
        async with self._database.transaction() as connection:
            order = await orders_store.picture_by_id(connection, owner, OrderId(id_))
            avatar = None if order.avatar_id is None else await avatars_store.by_id(connection, order.avatar_id)
        key = order.object_key or ""
        await self._objects.get_file(key, path)
        name = texts.avatars.PICTURE_NAME.format(name="" if avatar is None else avatar.name, number=order.number)
        return f"{name.strip()}.{key.rpartition('.')[2]}"
