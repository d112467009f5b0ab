"""A person's private chat with the bot: how it looks, and everything that happened in it."""

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from telegram_events import Event, Happening, Message
from telegram_storyboard import current, everything

if TYPE_CHECKING:
    from telegram_user import ScriptedUser

T = TypeVar("T")

OF_A_MESSAGE = frozenset({Happening.RECEIVED, Happening.SENT, Happening.EDITED, Happening.DELETED})


class Chat:
    """A private chat of a person with the bot."""

    def __init__(self, user: "ScriptedUser") -> None:
        self.user = user
        self.messages: list[Message] = []
        self.history: list[Event] = []
        self._changed = asyncio.Event()

    @property
    def live(self) -> list[Message]:
        """The messages as they look now, oldest first."""
        return [message for message in self.messages if not message.deleted]

    @property
    def from_bot(self) -> list[Message]:
        """What the bot sent and did not delete."""
        return [message for message in self.live if message.from_bot]

    def record(self, kind: Happening, message: Message | None = None, text: str = "", *, alert: bool = False) -> Event:
        """Note what happened, with the message as it looks now if it happened to one."""
        looks = message if message is not None and kind in OF_A_MESSAGE else None
        event = Event(
            kind,
            time.monotonic(),
            message.id if message else 0,
            looks.text if looks else text,
            looks.buttons if looks else (),
            looks.file if looks else None,
            alert,
        )
        self.history.append(event)
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
        return event

    def events(self, *kinds: Happening, message: Message | None = None) -> list[Event]:
        return [
            event
            for event in self.history
            if event.kind in kinds and (message is None or event.message_id == message.id)
        ]

    async def until(self, found: Callable[[], T | None], timeout: float, what: str) -> T:  # noqa: ASYNC109
        """Wait until something is found, looking whenever the chat changes. Raises AssertionError after ``timeout``."""
        try:
            async with asyncio.timeout(timeout):
                while not (result := found()):
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"{what} was not seen within {timeout} s:\n{self.storyboard()}") from None
        return result

    def storyboard(self, *, whole: bool = False) -> str:
        """Render the chat as it looks now, or everything that happened in it."""
        if whole:
            return everything(self.user.name, self.history)
        return current(self.user.name, self.live)
