"""Webhooks of the service: one that is genuine and names an open order of ours has its job look at once, nothing else.

What it says is not believed: the job asks the service. Who gets no good answer sends it again.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from enum import StrEnum
from time import monotonic

import structlog

from avatars import orders_store
from avatars.models import OrderId
from db import Connection, Database
from errors import DatabaseUnavailable
from provider_calls.fal.webhooks import Delivery, Verdict, WebhookKeys

log = structlog.get_logger(__name__)

_LIMIT_S = 0.9
_DATABASE_S = 0.3
_REFUSALS_TOLD_EVERY_S = 60.0


class Taken(StrEnum):
    """What became of a webhook."""

    TAKEN = "taken"
    OVER = "over"
    """The order has ended: the webhook came late, or again."""
    REFUSED = "refused"
    UNKNOWN = "unknown"
    LATER = "later"
    """It cannot be checked or noted now, and is to come again."""


class ImageWebhook:
    """Takes webhooks; ``enqueue`` adds an order's job to a transaction, or has it look at once; ``clock`` counts s."""

    def __init__(
        self,
        database: Database,
        keys: WebhookKeys,
        enqueue: Callable[[Connection, OrderId], Awaitable[None]],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._database = database
        self._keys = keys
        self._enqueue = enqueue
        self._clock = clock
        self._refused = 0
        """Those since the last line about them."""
        self._told_at: float | None = None

    async def take(self, delivery: Delivery) -> Taken:
        """Take a webhook, in less than a second."""
        try:
            async with asyncio.timeout(_LIMIT_S):
                taken = await self._take(delivery)
        except (TimeoutError, DatabaseUnavailable):
            taken = Taken.LATER
        self._note(taken)
        return taken

    def _note(self, taken: Taken) -> None:
        """Log what became of a webhook. Anybody may send ones that are refused: of these a minute has one line."""
        if taken is not Taken.REFUSED:
            log.info("image_webhook", taken=taken)
            return
        self._refused += 1
        now = self._clock()
        if self._told_at is None or now - self._told_at >= _REFUSALS_TOLD_EVERY_S:
            log.info("image_webhooks_refused", count=self._refused)
            self._refused, self._told_at = 0, now

    async def _take(self, delivery: Delivery) -> Taken:
        verdict = await self._keys.verdict(delivery)
        if verdict is Verdict.UNDECIDED:
            return Taken.LATER
        # The body is read only once it is known whose it is.
        if verdict is not Verdict.GENUINE or _request_in(delivery.body) != delivery.request_id:
            return Taken.REFUSED
        async with asyncio.timeout(_DATABASE_S), self._database.transaction() as connection:
            order = await orders_store.by_request(connection, delivery.request_id)
            if order is None:
                return Taken.UNKNOWN
            if not order.is_open:
                return Taken.OVER
            await self._enqueue(connection, order.id)
        return Taken.TAKEN


def _request_in(body: bytes) -> str | None:
    try:
        told = json.loads(body)
    except ValueError:
        return None
    request = told.get("request_id") if isinstance(told, dict) else None
    return request if isinstance(request, str) else None
