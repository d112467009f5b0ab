"""The job of an order: sent once, looked at until it is over, its result copied to our store, and then it is done.

The job of an order runs under the lock of the order. What it knows is in the row, so that any process goes on with it:
only an order that was being sent when its process died is known to nobody, and is not sent again.
"""

import asyncio
import shutil
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog

import texts.avatars
from avatars import avatars_store, orders_store
from avatars.models import (
    GIVEN_UP,
    SIZES,
    UNKNOWN,
    Avatar,
    AvatarStatus,
    ImageOrder,
    OrderId,
    OrderKind,
    OrderState,
    Paid,
    Photo,
)
from avatars.results import are_weights, picture_extension, picture_in, weights_in
from db import Connection, Database
from errors import ProviderError, ProviderRejectedRequest, VoxPersonaError
from errors_of_operation import ImageOrderFailed, ImageOrderUncertain
from object_store import ObjectStore
from provider_calls.fal.queue import NAME, ImageQueue, Look, Sent
from provider_calls.fal.trainers import TRAINERS
from provider_calls.in_flight import CallsInFlight
from utils import disk_full_mapped, sha256_of_file

log = structlog.get_logger(__name__)

AVATARS_QUEUE = "avatars"
_LOOK_S = {OrderKind.TRAINING: 5.0, OrderKind.PICTURE: 2.0}
_TROUBLE_S = 30.0
_ELSEWHERE_S = 30.0
_PHOTOS_STAY_S = 24 * 3600
_WEIGHTS_STAY_S = 24 * 3600
_WEIGHTS_STAY = timedelta(seconds=_WEIGHTS_STAY_S)
_SPARE = timedelta(minutes=30)
_MOST_WEIGHTS_BYTES = 4 * 1024**3
_MOST_PICTURE_BYTES = 64 * 1024**2


class AvatarSteps:
    """Does the orders of everybody at ``queue``; None where this process has no key, so that another one does them."""

    is_quick = False

    def __init__(
        self,
        database: Database,
        objects: ObjectStore,
        queue: ImageQueue | None,
        spool: Path,
        calls: CallsInFlight | None = None,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._objects = objects
        self._queue = queue
        self._spool = spool
        self._calls = calls or CallsInFlight()
        self._now = now

    async def do(self, id_: UUID) -> datetime | None:
        """Take an order one step on; return when to look again, None when it is over.

        Raises:
            VoxPersonaError: it does not go on now, or it cannot be sent.
        """
        await self._database.there()
        order, avatar = await self._loaded(OrderId(id_))
        if order is None or not order.is_open:
            return None
        if self._queue is None:
            return self._in(_ELSEWHERE_S)
        if order.state is OrderState.SENDING:
            await self._lose(order, "interrupted")
            return None
        folder = self._spool / f"avatars-{order.id.hex}"
        try:
            if order.state is OrderState.WAITING:
                return await self._send(self._queue, order, avatar, folder)
            return await self._look(self._queue, order, folder)
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def fail(self, id_: UUID, error: VoxPersonaError, again_at: datetime | None) -> None:
        """End an order that cannot be done, or note why it does not go on now."""
        async with self._database.transaction() as connection:
            order = await orders_store.by_id(connection, OrderId(id_))
            if order is not None and again_at is not None:
                await self._note_trouble(connection, order, error)
        if order is not None and again_at is None:
            paid = Paid.NO if order.state is OrderState.WAITING else Paid.MAYBE
            await self._end(order, OrderState.FAILED, error, paid)
            await self._cancel_at_service(order)

    async def _loaded(self, id_: OrderId) -> tuple[ImageOrder | None, Avatar | None]:
        async with self._database.transaction() as connection:
            order = await orders_store.by_id(connection, id_)
            if self._queue is not None and order is not None and order.state is OrderState.SENT:
                await orders_store.note_look(connection, id_)
            if order is None or order.avatar_id is None:
                return order, None
            return order, await avatars_store.by_id(connection, order.avatar_id)

    async def _send(self, queue: ImageQueue, order: ImageOrder, avatar: Avatar | None, folder: Path) -> datetime | None:
        if order.cancel_wanted or avatar is None:
            await self._end(order, OrderState.CANCELLED, None)
            return None
        application, body = await self._body(queue, order, avatar, folder)
        async with self._calls.one():
            async with self._database.transaction() as connection:
                if not await orders_store.begin_sending(connection, order.id):
                    return self._in(0)
                await avatars_store.touch(connection, avatar.id)
            try:
                sent = await queue.submit(application, body, _WEIGHTS_STAY_S)
            except ImageOrderUncertain as exc:
                await self._end(order, OrderState.FAILED, exc, Paid.MAYBE)
                return None
            except VoxPersonaError:
                # It was refused, or has not come there.
                await self._database.persist(lambda connection: orders_store.note_not_taken(connection, order.id))
                raise
            await self._database.persist(lambda connection: self._note_sent(connection, order, sent))
        log.info("image_order_sent", order=str(order.id), kind=order.kind, request=sent.request_id)
        return self._in(_LOOK_S[order.kind])

    async def _note_sent(self, connection: Connection, order: ImageOrder, sent: Sent) -> None:
        await orders_store.note_sent(connection, order.id, sent)
        await self._touch(connection, order)

    async def _body(
        self, queue: ImageQueue, order: ImageOrder, avatar: Avatar, folder: Path
    ) -> tuple[str, dict[str, Any]]:
        """Return where an order goes and what it says; photographs, or weights, are at the service then."""
        trainer, word = TRAINERS[order.trainer], f"vxp{avatar.id.hex[:6]}"
        trigger = texts.avatars.TRIGGER[avatar.gender or "female"].format(word=word)
        with disk_full_mapped(folder):
            await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        if order.kind is OrderKind.TRAINING:
            async with self._database.transaction() as connection:
                photos = await avatars_store.list_photos(connection, avatar.id)
            archive = await self._zipped(list(photos), folder)
            url = await queue.upload(archive, "photos.zip", "application/zip", _PHOTOS_STAY_S)
            return trainer.application, trainer.training(url, trigger, order.steps or trainer.steps)
        assert order.aspect is not None  # noqa: S101  # pictures have one
        prompt = texts.avatars.PROMPT.format(trigger=trigger, prompt=order.prompt or "")
        weights = await self._weights_url(queue, avatar, folder)
        return trainer.inference, trainer.painted(prompt, weights, SIZES[order.aspect])

    async def _zipped(self, photos: list[Photo], folder: Path) -> Path:
        paths = [folder / f"{number:02}.jpg" for number in range(1, len(photos) + 1)]
        for photo, path in zip(photos, paths, strict=True):
            await self._objects.get_file(photo.object_key, path)
        archive = folder / "photos.zip"

        def pack() -> None:
            with disk_full_mapped(archive), zipfile.ZipFile(archive, "w") as packed:
                for path in paths:
                    packed.write(path, path.name)

        await asyncio.to_thread(pack)
        return archive

    async def _weights_url(self, queue: ImageQueue, avatar: Avatar, folder: Path) -> str:
        """Return where the service can fetch the weights, which it keeps for a day and we for good."""
        async with self._database.transaction() as connection:
            known = await avatars_store.weights_url(connection, avatar.id, _SPARE, _WEIGHTS_STAY)
        if known is not None:
            return known
        path = folder / "weights.safetensors"
        await self._objects.get_file(avatar.weights_key or "", path)
        url = await queue.upload(path, "weights.safetensors", "application/octet-stream", _WEIGHTS_STAY_S)
        async with self._database.transaction() as connection:
            await avatars_store.set_weights_url(connection, avatar.id, url, _WEIGHTS_STAY)
        return url

    async def _look(self, queue: ImageQueue, order: ImageOrder, folder: Path) -> datetime | None:
        """Ask how an order is and do what follows. Whatever hinders that, the order goes on at the service."""
        sent, is_done = _sent(order), False
        try:
            if order.cancel_wanted and await queue.cancel(sent):
                await self._end(order, OrderState.CANCELLED, None)
                return None
            seen = await queue.look(sent)
            if not seen.is_over:
                return await self._wait(order, seen)
            is_done = not seen.failure
            if is_done:
                if (output := await self._result(queue, order, sent)) is not None:
                    await self._take(order, output, folder, queue)
            elif order.cancel_wanted:
                await self._end(order, OrderState.CANCELLED, None)
            else:
                log.warning("image_order_failed", order=str(order.id), reason=seen.failure)
                reason = texts.avatars.FAILURES.get(seen.failure, texts.avatars.NO_REASON)
                await self._end(order, OrderState.FAILED, ImageOrderFailed(provider=NAME, reason=reason))
        except ImageOrderFailed as exc:
            await self._end_unusable(order, str(exc.details["reason"]))
        except ProviderRejectedRequest as exc:
            if not self._is_final(order, exc):
                return await self._wait_in_trouble(order, exc, is_done=is_done)
            await self._lose(order, exc.code)
        except ProviderError as exc:
            return await self._wait_in_trouble(order, exc, is_done=is_done)
        return None

    async def _result(self, queue: ImageQueue, order: ImageOrder, sent: Sent) -> dict[str, Any] | None:
        """Return the output of an order that is over; None of one that ended by its person's wish, as is noted then."""
        try:
            return await queue.result(sent)
        except ImageOrderFailed:
            if not order.cancel_wanted:
                raise
        await self._end(order, OrderState.CANCELLED, None)
        return None

    async def _wait(self, order: ImageOrder, seen: Look) -> datetime | None:
        async with self._database.transaction() as connection:
            if await orders_store.set_stage(connection, order.id, "running" if seen.is_begun else "queued"):
                await self._touch(connection, order)
        if order.has_exhausted(GIVEN_UP[order.kind]):
            await self._lose(order, "no end")
            return None
        return self._in(_LOOK_S[order.kind])

    async def _wait_in_trouble(self, order: ImageOrder, trouble: ProviderError, *, is_done: bool) -> datetime | None:
        """Note why an order does not go on; end it when it has not for too long.

        ``is_done`` tells that the service has done its work, for which it takes money.
        """
        log.warning("image_order_waits", order=str(order.id), error=trouble.code, reason=str(trouble))
        if order.has_exhausted(GIVEN_UP[order.kind]):
            if is_done:
                await self._end_unusable(order, texts.avatars.NO_FILE)
            else:
                await self._lose(order, trouble.code)
            return None
        async with self._database.transaction() as connection:
            await self._note_trouble(connection, order, trouble)
        return self._in(_TROUBLE_S)

    async def _end_unusable(self, order: ImageOrder, reason: str) -> None:
        """End an order for which the service has done its work, and brought no model or picture."""
        price = f"{order.price_usd:.2f}".replace(".", ",")
        told = texts.avatars.UNUSABLE.format(reason=reason, price=price)
        await self._end(order, OrderState.FAILED, ImageOrderFailed(provider=NAME, reason=told), Paid.YES)

    async def _lose(self, order: ImageOrder, reason: str) -> None:
        """End an order of which nobody knows whether the service takes money for it."""
        await self._end(order, OrderState.FAILED, ImageOrderUncertain(provider=NAME, reason=reason), Paid.MAYBE)
        await self._cancel_at_service(order)

    async def _cancel_at_service(self, order: ImageOrder) -> None:
        """Ask the service to stop working on an order that has ended here; where it cannot be reached it goes on.

        The end is noted before: the next process would take what is cancelled for work that brought nothing.
        """
        if self._queue is None or order.state is not OrderState.SENT:
            return
        try:
            is_taken = await self._queue.cancel(_sent(order))
        except VoxPersonaError as exc:
            log.warning("image_order_not_cancelled", order=str(order.id), error=exc.code)
        else:
            log.info("image_order_given_up", order=str(order.id), cancelled=is_taken)

    def _is_final(self, order: ImageOrder, refusal: ProviderRejectedRequest) -> bool:
        """Tell whether a service that refuses to tell of an order, or to give it out, will not do so any more."""
        return order.error_code == refusal.code and order.has_exhausted(UNKNOWN[order.kind])

    async def _take(self, order: ImageOrder, output: dict[str, Any], folder: Path, queue: ImageQueue) -> None:
        """Copy what an order has brought to our store, and complete it."""
        is_training, path = order.kind is OrderKind.TRAINING, folder / "result"
        url = weights_in(output) if is_training else picture_in(output)
        with disk_full_mapped(folder):
            await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
            try:
                await queue.fetch(url, path, _MOST_WEIGHTS_BYTES if is_training else _MOST_PICTURE_BYTES)
            except ProviderRejectedRequest as exc:
                if self._is_final(order, exc):
                    raise ImageOrderFailed(provider=NAME, reason=texts.avatars.NO_FILE) from exc
                raise
        if is_training:
            if not await asyncio.to_thread(are_weights, path):
                raise ImageOrderFailed(provider=NAME, reason=texts.avatars.NOT_WEIGHTS)
            extension = "safetensors"
        else:
            extension = await asyncio.to_thread(picture_extension, path)
        key = f"avatars/{order.owner_id}/{order.avatar_id}/{order.kind}/{order.id}.{extension}"
        await self._objects.put_file(
            key, path, sha256=await sha256_of_file(path), file_name=f"{order.kind}.{extension}"
        )
        if not await self._database.persist(lambda connection: self._complete(connection, order, key, url)):
            # Its person deleted the avatar meanwhile.
            await self._objects.delete(key)
        log.info("image_order_done", order=str(order.id), kind=order.kind)

    async def _complete(self, connection: Connection, order: ImageOrder, key: str, url: str) -> bool:
        """Complete an order, and with a training its avatar; False when the avatar is gone."""
        avatar = None if order.avatar_id is None else await avatars_store.by_id(connection, order.avatar_id, lock=True)
        if not await orders_store.complete(connection, order.id, key) or avatar is None:
            return avatar is not None
        if order.kind is OrderKind.TRAINING:
            await avatars_store.complete(connection, avatar.id, key, url, _WEIGHTS_STAY)
        else:
            await avatars_store.touch(connection, avatar.id)
        return True

    async def _end(
        self, order: ImageOrder, state: OrderState, error: VoxPersonaError | None, paid: Paid = Paid.NO
    ) -> None:
        await self._database.persist(lambda connection: self._ended(connection, order, state, error, paid))
        log.info("image_order_ended", order=str(order.id), state=state, error=None if error is None else error.code)

    async def _ended(
        self,
        connection: Connection,
        order: ImageOrder,
        state: OrderState,
        error: VoxPersonaError | None,
        paid: Paid,
    ) -> None:
        avatar = None if order.avatar_id is None else await avatars_store.by_id(connection, order.avatar_id, lock=True)
        ended = await orders_store.end(connection, order.id, state, error, paid)
        if not ended or avatar is None:
            return
        if order.kind is not OrderKind.TRAINING:
            # The service may have lost the weights earlier than it said.
            await avatars_store.forget_weights_url(connection, avatar.id)
            await avatars_store.touch(connection, avatar.id)
            return
        status = AvatarStatus.CANCELLED if state is OrderState.CANCELLED else AvatarStatus.ERROR
        code, text = (None, None) if error is None else (error.code, error.user_text)
        await avatars_store.set_status(connection, avatar.id, status, code, text)

    async def _note_trouble(self, connection: Connection, order: ImageOrder, error: VoxPersonaError) -> None:
        if await orders_store.note_trouble(connection, order.id, error):
            await self._touch(connection, order)

    async def _touch(self, connection: Connection, order: ImageOrder) -> None:
        """Have the card drawn anew that shows how a training is, and why a picture comes late."""
        if order.avatar_id is not None and (order.kind is OrderKind.TRAINING or order.error_code is not None):
            await avatars_store.touch(connection, order.avatar_id)

    def _in(self, seconds: float) -> datetime:
        return self._now() + timedelta(seconds=seconds)


def _sent(order: ImageOrder) -> Sent:
    return Sent(order.request_id or "", order.status_url or "", order.response_url or "", order.cancel_url or "")
