"""What a handler gets, and how handlers are registered with the router."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from access import Permission
from datamodels import User
from datamodels_telegram import ChatId, IncomingMessage, MessageId
from markups import Action, Press
from user_states import Step


@dataclass(frozen=True)
class Context:
    """One update of a known person who may do this. ``answer`` shows a short text over the pressed button."""

    user: User
    chat: ChatId
    answer: Callable[[str], Awaitable[None]]
    pressed: MessageId | None = None
    """The message whose button was pressed."""


PressHandler = Callable[[Context, Press], Awaitable[None]]
MessageHandler = Callable[[Context, IncomingMessage], Awaitable[None]]


@dataclass(frozen=True)
class Routes:
    """What a module of handlers takes care of."""

    presses: Mapping[Action, tuple[Permission, PressHandler]] = field(default_factory=dict)
    commands: Mapping[str, tuple[Permission, MessageHandler]] = field(default_factory=dict)
    """By name without the slash."""
    answers: Mapping[Step, tuple[Permission, MessageHandler]] = field(default_factory=dict)
    """What a person types while a dialog is at this step."""
    files: tuple[Permission, MessageHandler] | None = None
    """Messages with a file; one module has it."""
