"""Pictures for browsers: whole ones, and small ones for a page with many."""

import asyncio
import io
from pathlib import Path
from typing import NamedTuple

from PIL import Image

import texts.avatars
from avatars import avatars_store, orders_store
from datamodels import UserId
from db import Database
from object_store import ObjectStore
from random_ids import new_name
from utils import disk_full_mapped

_SMALL_SIDE = 320
_QUALITY = 80


class ShownPicture(NamedTuple):
    """The bytes of a picture, their media type, and what a saved one is called."""

    content: bytes
    media_type: str
    file_name: str


class Gallery:
    """Reads pictures of the object store by way of the folder ``spool``."""

    def __init__(self, database: Database, objects: ObjectStore, spool: Path) -> None:
        self._database = database
        self._objects = objects
        self._spool = spool

    async def picture(self, owner: UserId, number: int, *, small: bool) -> ShownPicture:
        """Return a picture; a ``small`` one has at most 320 pixels a side.

        Raises:
            NotFound: there is none, or it is someone else's.
            ObjectStoreUnavailable, DiskFull: not possible now.
        """
        async with self._database.transaction() as connection:
            order = await orders_store.picture(connection, owner, number)
            avatar = None if order.avatar_id is None else await avatars_store.by_id(connection, order.avatar_id)
        key = order.object_key or ""
        kind = key.rpartition(".")[2]
        name = texts.avatars.PICTURE_NAME.format(name="" if avatar is None else avatar.name, number=number).strip()
        content = await read_object(self._objects, self._spool, key)
        if small:
            return ShownPicture(await asyncio.to_thread(smaller, content), "image/jpeg", f"{name}.jpg")
        return ShownPicture(content, f"image/{'jpeg' if kind == 'jpg' else kind}", f"{name}.{kind}")


async def read_object(objects: ObjectStore, spool: Path, key: str) -> bytes:
    """Return a small object, by way of the folder ``spool``.

    Raises:
        ObjectStoreUnavailable, DiskFull: not possible now.
    """
    path = spool / f"{new_name()}.copy"
    try:
        with disk_full_mapped(path):
            await asyncio.to_thread(spool.mkdir, parents=True, exist_ok=True)
            await objects.get_file(key, path)
            return await asyncio.to_thread(path.read_bytes)
    finally:
        await asyncio.to_thread(path.unlink, missing_ok=True)


def smaller(content: bytes) -> bytes:
    """Return a JPEG of a picture with at most 320 pixels a side; takes a while."""
    with Image.open(io.BytesIO(content)) as opened:
        # A JPEG is read no larger than needed.
        opened.draft("RGB", (_SMALL_SIDE, _SMALL_SIDE))
        picture = opened.convert("RGB")
    picture.thumbnail((_SMALL_SIDE, _SMALL_SIDE))
    smaller = io.BytesIO()
    picture.save(smaller, "JPEG", quality=_QUALITY)
    return smaller.getvalue()
