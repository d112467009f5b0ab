"""Notices to the bot's owner about the machine."""

import asyncio

import outbox_store
import users_store
from datamodels_telegram import ChatId, MessageKind, OutgoingMessage, Screen
from db import Database
from random_ids import new_name
from texts.telegram import ENGINE_REVIVED, ENGINES


class Notices:
    """Puts notices to the owner into the outbox; drops them when there is no owner, or the owner never wrote."""

    def __init__(self, database: Database, owner: int | None) -> None:
        self._database = database.patient()
        self._owner = owner
        self._tasks: set[asyncio.Task[None]] = set()

    def engine_revived(self, name: str) -> None:
        """Tell that an embedded engine died and was started again."""
        task = asyncio.create_task(self._tell(ENGINE_REVIVED.format(engine=ENGINES.get(name, name))))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Drop what could not be put into the outbox yet."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _tell(self, text: str) -> None:
        if self._owner is None:
            return
        message = OutgoingMessage(kind=MessageKind.INFO_MESSAGE, screen=Screen(text=text))
        async with self._database.transaction() as connection:
            person = await users_store.find_by_telegram_id(connection, self._owner)
            if person is not None:
                key = f"notice:{new_name()}"
                await outbox_store.put(connection, key, person.id, ChatId(self._owner), message)
