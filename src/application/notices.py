"""Notices to the bot's owner about the machine."""

import asyncio
from collections.abc import Coroutine

import structlog

import outbox_store
import users_store
from datamodels_telegram import ChatId, MessageKind, OutgoingMessage, Screen
from db import Database
from errors import DatabaseUnavailable, OutOfResources
from messenger import MessengerError, Sender
from random_ids import new_name
from system.ending import end_tasks
from texts.telegram import ENGINE_REVIVED, ENGINE_STUCK, ENGINES

log = structlog.get_logger(__name__)


class Notices:
    """Puts notices to the owner into the outbox; drops them when there is no owner, or the owner never wrote."""

    def __init__(self, database: Database, messenger: Sender, owner: int | None) -> None:
        self._database = database.patient()
        self._at_once = database.patient(0)
        self._messenger = messenger
        self._owner = None if owner is None else ChatId(owner)
        self._tasks: set[asyncio.Task[object]] = set()

    def engine_revived(self, name: str) -> None:
        """Tell the owner that the embedded engine ``name`` died and was started again."""
        self._begin(self._put(self._database, ENGINE_REVIVED.format(engine=ENGINES.get(name, name))))

    def engine_stuck(self, name: str) -> None:
        """Tell the owner that the embedded engine ``name`` died and cannot be started again.

        While the database is away, the notice does not go through the outbox but is sent directly.
        """
        self._begin(self._tell_at_once(ENGINE_STUCK.format(engine=ENGINES.get(name, name))))

    async def tell(self, text: str) -> bool:
        """Tell the owner ``text``, which is HTML: through the outbox, or directly while the database is away.

        Returns False when the text could not be sent and another try may succeed.
        """
        return await self._tell_at_once(text)

    async def stop(self) -> None:
        """Drop the notices that still wait to be put into the outbox."""
        await end_tasks(self._tasks)

    def _begin(self, work: Coroutine[None, None, object]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _tell_at_once(self, text: str) -> bool:
        try:
            await self._put(self._at_once, text)
        except (DatabaseUnavailable, OutOfResources):
            try:
                if self._owner is not None:
                    await self._messenger.send(self._owner, Screen(text=text))
            except MessengerError as exc:
                log.warning("owner_not_told", error=exc.code, reason=str(exc))
                return not exc.retryable
        return True

    async def _put(self, database: Database, text: str) -> None:
        if self._owner is None:
            return
        message = OutgoingMessage(kind=MessageKind.INFO_MESSAGE, screen=Screen(text=text))
        async with database.transaction() as connection:
            person = await users_store.find_by_telegram_id(connection, self._owner)
            if person is not None:
                await outbox_store.put(connection, f"notice:{new_name()}", person.id, self._owner, message)
