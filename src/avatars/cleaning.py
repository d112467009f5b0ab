"""Removes what is not needed or not wanted any more: photographs after their training, and what people deleted.

An avatar or picture that its person deleted is gone for them at once. Its objects are removed here, then what the
service keeps of its orders, as far as the service lets us, then its row.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, LiteralString
from uuid import UUID

import structlog

from db import Database
from errors import ProviderError, ProviderRefusedKey, ProviderRejectedRequest
from object_store import ObjectStore
from provider_calls.fal.queue import ImageQueue

log = structlog.get_logger(__name__)

_AT_ONCE = 50
_SPENT_PHOTOS = f"""
    SELECT photos.id, object_key FROM avatar_photos AS photos JOIN avatars ON avatars.id = avatar_id
    WHERE object_key IS NOT NULL AND (
        status = 'completed' OR deleted_at IS NOT NULL
        OR (status IN ('draft', 'photos_uploading', 'ready_for_training', 'error', 'cancelled')
            AND opened_at < now() - %(kept)s)
    )
    LIMIT {_AT_ONCE}
"""  # noqa: S608 - a constant
_FORGET_PHOTOS = """
    WITH gone AS (DELETE FROM avatar_photos WHERE id = ANY(%(ids)s) RETURNING avatar_id)
    UPDATE avatars SET
        version = version + 1,
        status = CASE WHEN status IN ('completed', 'training') THEN status ELSE 'photos_uploading' END
    WHERE id IN (SELECT avatar_id FROM gone) AND consent_at IS NOT NULL
"""
_DELETED_AVATARS = """
    SELECT id, owner_id FROM avatars
    WHERE deleted_at IS NOT NULL
        AND NOT EXISTS (SELECT FROM image_orders WHERE avatar_id = avatars.id AND ended_at IS NULL)
        AND NOT EXISTS (SELECT FROM avatar_photos WHERE avatar_id = avatars.id AND object_key IS NOT NULL)
        AND NOT EXISTS (SELECT FROM image_orders WHERE avatar_id = avatars.id AND erased_at IS NULL)
"""
_DELETE_PICTURES = """
    UPDATE image_orders SET deleted_at = coalesce(image_orders.deleted_at, now()), told_at = coalesce(told_at, now())
    FROM avatars
    WHERE avatars.id = avatar_id AND avatars.deleted_at IS NOT NULL AND image_orders.deleted_at IS NULL
        AND ended_at IS NOT NULL
"""
_DELETED_ORDERS = f"""
    SELECT id, object_key, request_id, is_test FROM image_orders
    WHERE deleted_at IS NOT NULL AND erased_at IS NULL AND ended_at IS NOT NULL LIMIT {_AT_ONCE}
"""  # noqa: S608 - a constant
_NOTE_ERASED = "UPDATE image_orders SET erased_at = now() WHERE id = %(id)s"
_FORGET_MESSAGES = "DELETE FROM outbox WHERE message -> 'file' ->> 'subject' = %(id)s::text AND sent_at IS NULL"
_DELETE_ROW = "DELETE FROM avatars WHERE id = %(id)s AND deleted_at IS NOT NULL"


class AvatarCleaning:
    """Removes objects of avatars; photographs that nobody trained with go when they were not touched for ``kept``."""

    def __init__(self, database: Database, objects: ObjectStore, queue: ImageQueue | None, kept: timedelta) -> None:
        self._database = database
        self._objects = objects
        self._queue = queue
        self._kept = kept

    async def clean(self) -> None:
        """Remove what is due.

        Raises:
            ObjectStoreUnavailable, ProviderUnavailable, DatabaseUnavailable: the rest is for the next time.
        """
        photos = await self._rows(_SPENT_PHOTOS, {"kept": self._kept})
        for photo in photos:
            await self._objects.delete(photo["object_key"])
        if photos:
            await self._do(_FORGET_PHOTOS, {"ids": [photo["id"] for photo in photos]})
        await self._do(_DELETE_PICTURES, {})
        orders = await self._rows(_DELETED_ORDERS, {})
        for order in orders:
            if order["object_key"]:
                await self._objects.delete(order["object_key"])
        # The service may be away for long: nothing of ours waits for it.
        for order in orders:
            await self._erase_at_service(order["id"], order["request_id"])
            await self._do(_FORGET_MESSAGES, {"id": order["id"]})
            await self._do(_NOTE_ERASED, {"id": order["id"]})
        avatars = await self._rows(_DELETED_AVATARS, {})
        await self._delete_all([f"avatars/{avatar['owner_id']}/{avatar['id']}/" for avatar in avatars])
        for avatar in avatars:
            await self._do(_DELETE_ROW, {"id": avatar["id"]})
            log.info("avatar_removed", avatar=str(avatar["id"]))

    async def _delete_all(self, beginnings: Sequence[str]) -> None:
        """Delete all objects whose keys begin so: also those that a killed process stored and did not note."""
        if beginnings:
            keys = [key async for key in self._objects.list_keys() if key.startswith(tuple(beginnings))]
            for key in keys:
                await self._objects.delete(key)

    async def _erase_at_service(self, order: UUID, request_id: str | None) -> None:
        if request_id is None or self._queue is None:
            return
        try:
            await self._queue.erase(request_id)
        except (ProviderRefusedKey, ProviderRejectedRequest) as exc:
            # The key is no administrator's, or nothing is there any more: what it has kept expires within a day.
            log.info("service_kept_order", order=str(order), error=exc.code)
        except ProviderError as exc:
            log.warning("service_not_asked", order=str(order), error=exc.code)
            raise

    async def _rows(self, query: LiteralString, parameters: dict[str, Any]) -> Sequence[dict[str, Any]]:
        async with self._database.transaction() as connection:
            return [dict(row) async for row in await connection.execute(query, parameters)]

    async def _do(self, query: LiteralString, parameters: dict[str, Any]) -> None:
        async with self._database.transaction() as connection:
            await connection.execute(query, parameters)
