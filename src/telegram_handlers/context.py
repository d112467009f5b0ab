"""The context that a handler gets, and the routes by which handlers are registered with the router."""

from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import texts.telegram
from access import Permission, may
from datamodels import Role, User
from datamodels_telegram import ChatId, IncomingMessage, MessageId, OutgoingMessage
from dialogs import OpenDialog, Step, step_key
from errors import AccessDenied, BadInput, VoxPersonaError
from errors_of_operation import LimitReached
from markups.callback_data import Action, Press
from markups.text import LONGEST_REASON, escaped
from recordings.purposes import may_be_question, may_be_reply
from texts.errors_in_chats import chat_text

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


Answer = Callable[[str], Awaitable[None]]
"""Shows a short text over a pressed button."""


@dataclass(frozen=True)
class Context:
    """One update of a person who has the permission for it. ``answer`` shows a short text over the pressed button."""

    user: User
    chat: ChatId
    answer: Answer
    pressed: MessageId | None = None
    """The message whose button was pressed."""
    update: str = ""
    """The update's key, the same when the update is handled again after a crash or an absence of the database."""
    again: OutgoingMessage | None = None
    """The question of the step at which a question to the archive was typed: it is asked again below the answer."""


PressHandler = Callable[[Context, Press], Awaitable[None]]
MessageHandler = Callable[[Context, IncomingMessage], Awaitable[None]]
PictureHandler = Callable[[Context, IncomingMessage], Awaitable[bool]]
"""Takes a message with a picture; returns False when nothing waits for one."""
AgainHandler = Callable[[Context], Awaitable[OutgoingMessage]]
"""Makes the question of the step at which the person is."""


@dataclass(frozen=True)
class Routes:
    """The handlers of one module, by what they handle."""

    presses: Mapping[Action, tuple[Permission, PressHandler]] = field(default_factory=dict)
    commands: Mapping[str, tuple[Permission, MessageHandler]] = field(default_factory=dict)
    """Handlers of commands, by name without the slash."""
    answers: Mapping[Step, tuple[Permission, MessageHandler]] = field(default_factory=dict)
    """Handlers of the text that a person types while a dialog is at a step."""
    files: tuple[Permission, MessageHandler] | None = None
    """The handler of messages with a file. One module has it; it is None in the others."""
    spoken: MessageHandler | None = None
    """The handler of voice notes that are taken as text; one module has it."""
    pictures: PictureHandler | None = None
    """The handler of messages with a picture; one module may have it."""
    again: Mapping[Step, AgainHandler] = field(default_factory=dict)
    """What asks a step again after something was typed that is no reply to it; steps of forms do so themselves."""


@dataclass(frozen=True)
class RouteTable:
    """The handlers of all modules; every button, every step and files have one."""

    presses: Mapping[Action, tuple[Permission, PressHandler]]
    commands: Mapping[str, tuple[Permission, MessageHandler]]
    answers: Mapping[Step, tuple[Permission, MessageHandler]]
    again: Mapping[Step, AgainHandler]
    files: tuple[Permission, MessageHandler]
    spoken: MessageHandler | None
    pictures: PictureHandler | None

    def of_file(
        self, message: IncomingMessage, dialog: OpenDialog | None, role: Role
    ) -> tuple[Permission, MessageHandler, IncomingMessage]:
        """Return the handler of a file, and the message for it; ``dialog`` is the one that a voice note replies to.

        A short voice note is the reply to a step that waits for text. People who send no recordings ask by voice.
        """
        assert message.file is not None  # noqa: S101  # the caller has looked
        if self.spoken is None:
            return *self.files, message
        if dialog is not None and dialog.step is not Step.CONFIRM_DATA and may_be_reply(message):
            answer = message.model_copy(update={"answers": step_key(dialog)})
            return self.answers[dialog.step][0], self.spoken, answer
        asks = not may(role, Permission.RECORD) and may_be_question(message.file, message.text, message.origin)
        return (Permission.ASK, self.spoken, message) if asks else (*self.files, message)


def joined(modules: Sequence[Routes]) -> RouteTable:
    """Join the routes of the modules.

    Raises:
        ValueError: a button, a command, a step or files have two handlers, or a button, a step or files have none.
    """
    spoken = [routes.spoken for routes in modules if routes.spoken is not None]
    pictures = [routes.pictures for routes in modules if routes.pictures is not None]
    files = [routes.files for routes in modules if routes.files is not None]
    if len(files) != 1:
        raise ValueError(f"{len(files)} modules take care of files")
    table = RouteTable(
        presses=_joined([routes.presses for routes in modules]),
        commands=_joined([routes.commands for routes in modules]),
        answers=_joined([routes.answers for routes in modules]),
        again=_joined([routes.again for routes in modules]),
        files=files[0],
        spoken=spoken[0] if spoken else None,
        pictures=pictures[0] if pictures else None,
    )
    if holes := [*(set(Action) - set(table.presses)), *(set(Step) - set(table.answers))]:
        raise ValueError(f"nobody takes care of {', '.join(sorted(holes))}")
    return table


def _joined(mappings: Sequence[Mapping[K, V]]) -> dict[K, V]:
    joined_mapping: dict[K, V] = {}
    for mapping in mappings:
        if twice := joined_mapping.keys() & mapping.keys():
            raise ValueError(f"two modules take care of {', '.join(sorted(map(str, twice)))}")
        joined_mapping.update(mapping)
    return joined_mapping


async def nobody_waits(text: str) -> None:
    """Do nothing. This is ``Context.answer`` where no button waits for a text."""


def failure_text(exc: VoxPersonaError, code: str) -> str:
    """Return what a person reads of a failure; by ``code``, the failure is found in the log."""
    text = escaped(chat_text(exc.code, exc.user_text), LONGEST_REASON)
    # Errors that people can correct themselves, or ask somebody for, need no look into the log, and no code.
    return (
        text
        if isinstance(exc, BadInput | AccessDenied | LimitReached)
        else texts.telegram.WITH_CODE.format(text=text, code=code)
    )
