"""Messages, buttons and what happens to them, as the scripted user and the tests see them."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from telegram_files import StoredFile

if TYPE_CHECKING:
    from telegram_chats import Chat


class Happening(StrEnum):
    RECEIVED = "received"
    """The bot got a message."""
    SENT = "sent"
    EDITED = "edited"
    DELETED = "deleted"
    PRESSED = "pressed"
    ANSWERED = "answered"
    TYPING = "typing"


@dataclass(frozen=True)
class Button:
    text: str
    data: bytes | None = None
    url: str | None = None


@dataclass(frozen=True)
class Event:
    """Something that happened in a chat, as it looked then. ``at`` is of time.monotonic()."""

    kind: Happening
    at: float
    message_id: int = 0
    text: str = ""
    buttons: tuple[tuple[Button, ...], ...] = ()
    file: StoredFile | None = None
    alert: bool = False


@dataclass(eq=False)
class Message:
    """A message as it looks now. ``changed_at`` are the times (time.monotonic()) of its sending and edits."""

    id: int
    chat: "Chat"
    from_bot: bool
    date: int
    text: str = ""
    entities: list[Any] = field(default_factory=list)
    markup: Any = None
    buttons: tuple[tuple[Button, ...], ...] = ()
    file: StoredFile | None = None
    grouped_id: int | None = None
    forwarded_from: str = ""
    reply_to: int | None = None
    edit_date: int | None = None
    deleted: bool = False
    changed_at: list[float] = field(default_factory=list)

    @property
    def all_buttons(self) -> list[Button]:
        return [button for row in self.buttons for button in row]

    def contains(self, part: str) -> bool:
        """Tell whether a person sees this text in the message: in its text, its file's name or on a button."""
        shown = [self.text, self.file.name if self.file else "", *(button.text for button in self.all_buttons)]
        return any(part in one for one in shown)
