"""«Выгрузить всё моё»: what a person has, as one file, made beside all other messages."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import NoReturn

import structlog

import texts.takeout
from access import Permission
from datamodels_telegram import Doing, MessageId, MessageKind, Screen
from errors import DatabaseUnavailable, OutdatedButton, OutOfResources, UnexpectedFailure, VoxPersonaError
from followers import KeyedTasks, Loop
from markups.callback_data import Action, Press
from markups.menus import takeout_cancelled, takeout_failed, takeout_menu, takeout_progress
from message_tracker import MessageTracker
from messenger import AlreadySent, MessengerError, MessengerRefusedSecrets, MessengerUnavailable
from random_ids import random_id_of
from reports.takeout.orders import TakeoutOrder, TakeoutOrders
from reports.takeout.service import TAKEOUTS, Takeout
from reports.word import template_in
from system.local_time import ZoneOf, in_zone, local
from telegram_handlers.context import Context, Routes
from telegram_handlers.shared import show
from utils import disk_full_mapped

log = structlog.get_logger(__name__)

_SHOWN_EVERY_S = 3.0
_TRIED_AGAIN = (MessengerUnavailable, MessengerRefusedSecrets, DatabaseUnavailable, OutOfResources)


@dataclass(frozen=True)
class TakeoutHandlers:
    """Offers the files, and orders one. ``wake`` makes whoever makes them look at once."""

    messages: MessageTracker
    takeout: Takeout
    orders: TakeoutOrders
    wake: Callable[[], None]

    def routes(self) -> Routes:
        presses = {
            Action.TAKEOUT: self._menu,
            Action.TAKEOUT_FILE: self._file,
            Action.TAKEOUT_CANCEL: self._cancel,
        }
        return Routes(presses={action: (Permission.LOOK, handler) for action, handler in presses.items()})

    async def _menu(self, context: Context, press: Press) -> None:  # noqa: ARG002  # it names nothing
        screen = takeout_menu(await self.takeout.contents(context.user.id))
        await show(self.messages, context, MessageKind.MENU, screen)

    async def _file(self, context: Context, press: Press) -> None:
        if press.word not in TAKEOUTS:
            raise OutdatedButton(data=press.action)
        new = await self.orders.add(context.user.id, context.chat, press.word)
        await context.answer(texts.takeout.MAKING if new else texts.takeout.MAKING_ALREADY)
        self.wake()

    async def _cancel(self, context: Context, press: Press) -> None:
        if not await self.orders.cancel(context.user.id, press.number):
            await context.answer(texts.takeout.TOO_LATE)
            return
        self.wake()
        if context.pressed is not None:
            await self.messages.edit(context.chat, context.pressed, takeout_cancelled())


class TakeoutMaker:
    """Makes what was ordered and sends it; what a stop interrupts is made anew at the next start, and arrives once.

    Files are made in ``spool``; the folder above it may have a template of reports, see ``reports.word.template_in``.
    """

    def __init__(
        self,
        orders: TakeoutOrders,
        takeout: Callable[[Path], Takeout],
        messages: MessageTracker,
        spool: Path,
        zone_of: ZoneOf,
    ) -> None:
        self._orders = orders
        self._takeout = takeout
        self._messages = messages
        self._spool = spool
        self._zone_of = zone_of
        self._loop = Loop("takeouts")

    def wake(self) -> None:
        """Look for orders at once."""
        self._loop.wake()

    async def run(self) -> NoReturn:
        """Make and send until cancelled."""
        async with asyncio.TaskGroup() as group:
            tasks: KeyedTasks[int] = KeyedTasks("takeouts", group, self._loop.wake)
            await self._loop.run(lambda: self.look(tasks))

    async def look(self, tasks: KeyedTasks[int]) -> None:
        """Begin what was ordered, one order after another for each person, and stop what was cancelled."""
        busy = tasks.busy
        orders = {each.id: each for each in await self._orders.list_open()}
        for cancelled in busy - orders.keys():
            tasks.cancel(cancelled)
        served = {orders[each].owner_id for each in busy & orders.keys()}
        for order in orders.values():
            if order.owner_id not in served:
                served.add(order.owner_id)
                tasks.start(order.id, self._serve(order))

    async def _serve(self, order: TakeoutOrder) -> None:
        try:
            with in_zone(await self._zone_of(order.owner_id)):
                await self._make(order)
        except _TRIED_AGAIN:
            raise
        except VoxPersonaError as exc:
            if not isinstance(exc, AlreadySent):
                log.warning("takeout_failed", takeout=order.id, error=exc.code, reason=str(exc))
                await self._tell_failure(order, exc)
        except Exception as exc:
            await self._tell_failure(order, UnexpectedFailure(reason=type(exc).__name__))
            await self._orders.end(order)
            raise
        await self._orders.end(order)

    async def _make(self, order: TakeoutOrder) -> None:
        progress = _Progress(self._messages, order)
        if order.progress_id is None:
            await self._orders.note_progress(order, await progress.begin())
        path = self._spool / "outgoing" / f"takeout-{order.id}"
        try:
            with disk_full_mapped(path):
                await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
            template = await asyncio.to_thread(template_in, self._spool.parent)
            await self._takeout(template).write(order.owner_id, order.extension, path, on_done=progress.show)
            await self._send(order, path)
        finally:
            await asyncio.to_thread(path.unlink, missing_ok=True)
        await progress.end()

    async def _send(self, order: TakeoutOrder, path: Path) -> None:
        name = texts.takeout.FILE_NAME.format(day=local(datetime.now(UTC)), extension=order.extension)
        caption = Screen(text=texts.takeout.CAPTIONS[order.extension])
        async with self._messages.at_work(order.chat_id, Doing.SENDING_FILE):
            await self._messages.send_file(
                order.chat_id, MessageKind.RESULT, path, name, caption, random_id=order.random_id
            )

    async def _tell_failure(self, order: TakeoutOrder, reason: VoxPersonaError) -> None:
        screen = takeout_failed(order.extension, reason.code, reason.user_text)
        try:
            await self._messages.send(order.chat_id, MessageKind.INFO_MESSAGE, screen)
        except MessengerError as exc:
            log.info("takeout_failure_not_told", takeout=order.id, error=exc.code)


class _Progress:
    """The message that shows how far an order is."""

    def __init__(self, messages: MessageTracker, order: TakeoutOrder) -> None:
        self._messages = messages
        self._order = order
        self._message = order.progress_id
        self._shown_at = monotonic()

    async def begin(self) -> MessageId:
        key = random_id_of(f"takeout:{self._order.random_id}")
        screen = takeout_progress(self._order.id, 0, 0)
        self._message = await self._messages.send(self._order.chat_id, MessageKind.INFO_MESSAGE, screen, random_id=key)
        return self._message

    async def show(self, done: int, total: int) -> None:
        if monotonic() - self._shown_at >= _SHOWN_EVERY_S:
            self._shown_at = monotonic()
            await self._edit(takeout_progress(self._order.id, done, total))

    async def end(self) -> None:
        await self._edit(Screen(text=texts.takeout.MADE))

    async def _edit(self, screen: Screen) -> None:
        if self._message is not None:
            try:
                await self._messages.edit(self._order.chat_id, self._message, screen)
            except MessengerError as exc:
                log.info("takeout_progress_not_shown", takeout=self._order.id, error=exc.code)
