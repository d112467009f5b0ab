"""Chats: list, card, renaming, deleting, history and statistics. Text that no dialog waits for is a question.

Changes to a person's chats are made under the person's lock, one after another.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

import structlog

from access import Permission, may
from chat_deliveries import occasion_of, return_address
from chats.export import EXTENSIONS, History, history_file_name
from chats.questions import said_to_no_question
from chats.threads import Chats, parse_title
from datamodels import UserId
from datamodels_chats import Chat
from datamodels_telegram import IncomingMessage, MessageKind
from dialogs import ChatDialog, Dialog, Dialogs, Step, get_user_lock
from errors import BadText, DatabaseUnavailable, NotFound, OutdatedButton, VoxPersonaError
from markups.callback_data import Action, Press
from markups.chats import (
    CHATS_ON_PAGE,
    ask_title,
    bad_day,
    chat_card,
    chats_page,
    delete_question,
    deleted,
    history_caption,
    history_question,
    no_history,
    no_question,
    renamed,
    searching,
    statistics,
    switched,
)
from message_tracker import MessageTracker
from metadata.dates import parse_date
from metrics import CHAT_ACTIONS
from random_ids import new_name
from telegram_handlers.context import Context, PressHandler, Routes
from telegram_handlers.shared import say_once, show
from texts.chats import CHAT_GONE, OTHER_MEDIA, OTHER_MEDIA_GUEST, QUESTIONS_LEFT

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class ChatWork:
    """The parts that the handlers use. Histories are written under ``spool``; ``today`` returns the server's date."""

    chats: Chats
    write_history: Callable[[Chat, date | None, str, Path, datetime], Awaitable[History]]
    spool: Path
    today: Callable[[], date]


class ChatHandlers:
    """Shows a person's chats and changes them, and takes questions."""

    def __init__(self, dialogs: Dialogs, messages: MessageTracker, work: ChatWork) -> None:
        self._dialogs = dialogs
        self._messages = messages
        self._chats = work.chats
        self._write_history = work.write_history
        self._folder = work.spool / "outgoing"
        self._today = work.today

    def routes(self) -> Routes:
        look: dict[Action, PressHandler] = {
            Action.MENU_CHATS: self._list,
            Action.CHAT: self._card,
            Action.CHAT_HISTORY: self._history,
            Action.SHOW_STATS: self._statistics_press,
        }
        ask: dict[Action, PressHandler] = {
            Action.NEW_CHAT: self._new,
            Action.CONFIRM_SWITCH: self._switch,
        }
        change: dict[Action, PressHandler] = {
            Action.RENAME_CHAT: self._rename,
            Action.DELETE_CHAT: self._delete,
            Action.CONFIRM_DELETE: self._confirm_delete,
        }
        return Routes(
            presses={
                **{action: (Permission.LOOK, handler) for action, handler in look.items()},
                **{action: (Permission.ASK, handler) for action, handler in ask.items()},
                **{action: (Permission.RECORD, handler) for action, handler in change.items()},
            },
            commands={
                "chats": (Permission.LOOK, self._list_command),
                "history": (Permission.LOOK, self._history_command),
                "stats": (Permission.LOOK, self._statistics_command),
            },
            answers={Step.CHAT_RENAME_ASK_TITLE: (Permission.RECORD, self._title_typed)},
        )

    async def ask(self, context: Context, message: IncomingMessage) -> None:
        """Ask the text of ``message``, for which no dialog waits, as a question in the person's current chat."""
        owner, question = context.user.id, message.text.replace("\0", "").strip()
        other = OTHER_MEDIA if may(context.user.role, Permission.RECORD) else OTHER_MEDIA_GUEST
        said = said_to_no_question(question) if question or message.other is None else other[message.other]
        if said is not None:
            await self._messages.note(context.chat, no_question(said))
            return
        async with get_user_lock(owner):
            occasion = occasion_of(context.chat, message.message_id)
            if await self._chats.is_known(owner, occasion):
                return
            # This is sent first, because the question is stored together with the message that its answer
            # replaces. After a crash between the two it is sent again, and Telegram takes it once.
            key = f"searching:{context.chat}:{message.message_id}"
            waiting = await say_once(self._messages, context.chat, searching(), key)
            try:
                form = await self._dialogs.find(owner, Dialog)
                below = None if form is None else form.recording_id
                place = None if context.again is None else await self._dialogs.place(owner)
                address = return_address(context.chat, waiting, below, context.again, place)
                await self._chats.ask(owner, occasion, question, address)
            except DatabaseUnavailable:
                raise  # it is asked once more, with the same message
            except VoxPersonaError:
                await self._messages.remove_message(context.chat, waiting)
                raise
        _count("ask", owner)

    async def _list(self, context: Context, press: Press) -> None:
        await self._show_list(context, press.number if press.numbers else 1)

    async def _list_command(self, context: Context, message: IncomingMessage) -> None:  # noqa: ARG002
        await self._show_list(context, 1)

    async def _show_list(self, context: Context, page: int, note: str = "") -> None:
        owner = context.user.id
        async with get_user_lock(owner):
            await self._leave(owner)
            found = await self._chats.page(owner, page, CHATS_ON_PAGE)
        _count("list", owner)
        await show(self._messages, context, MessageKind.MENU, chats_page(found, note))

    async def _card(self, context: Context, press: Press) -> None:
        """Show a chat's card, and end a dialog about chats."""
        owner = context.user.id
        async with get_user_lock(owner):
            await self._leave(owner)
            _count("open", owner)
            await self._show_card(context, press.number)

    async def _show_card(self, context: Context, number: int, note: str = "") -> None:
        chat, active = await self._chats.find(context.user.id, number)
        may_change = may(context.user.role, Permission.RECORD)
        screen = chat_card(chat, active=active, may_change=may_change, note=note)
        await show(self._messages, context, MessageKind.MENU, screen)

    async def _new(self, context: Context, press: Press) -> None:  # noqa: ARG002  # it names nothing
        owner = context.user.id
        async with get_user_lock(owner):
            await self._leave(owner)
            chat = await self._chats.begin(owner)
        _count("new", owner)
        await show(self._messages, context, MessageKind.MENU, switched(chat))

    async def _switch(self, context: Context, press: Press) -> None:
        owner = context.user.id
        async with get_user_lock(owner):
            await self._leave(owner)
            chat = await self._chats.switch(owner, press.number)
        _count("switch", owner)
        await show(self._messages, context, MessageKind.MENU, switched(chat))

    async def _rename(self, context: Context, press: Press) -> None:
        """Ask for a chat's new title, and end any other dialog."""
        owner = context.user.id
        async with get_user_lock(owner):
            chat, _ = await self._chats.find(owner, press.number)
            dialog = ChatDialog(step=Step.CHAT_RENAME_ASK_TITLE, number=chat.number)
            interrupted = await self._dialogs.begin(owner, dialog)
            note = QUESTIONS_LEFT if interrupted else ""
            await show(self._messages, context, MessageKind.INPUT_REQUEST, ask_title(chat, note))

    async def _title_typed(self, context: Context, message: IncomingMessage) -> None:
        """Give the chat the title that was typed, or ask again."""
        owner = context.user.id
        try:
            async with get_user_lock(owner):
                await self._take_title(context, message)
        except NotFound:
            # The chat was deleted from another message: it needs no title.
            await self._show_list(context, 1, CHAT_GONE)

    async def _take_title(self, context: Context, message: IncomingMessage) -> None:
        owner = context.user.id
        dialog = await self._dialogs.find(owner, ChatDialog)
        if dialog is None:
            raise OutdatedButton(data=ChatDialog.KEY)
        chat, _ = await self._chats.find(owner, dialog.number)
        try:
            title = parse_title(message.text)
        except BadText as exc:
            await self._messages.send(context.chat, MessageKind.INPUT_REQUEST, ask_title(chat, f"❌ {exc.user_text}"))
            return
        occasion = occasion_of(context.chat, message.message_id)
        chat = await self._chats.rename(owner, chat.number, title, occasion)
        _count("rename", owner)
        await self._show_card(context, chat.number, renamed(chat))
        # The dialog ends last, so that a message that is handled again after a crash gives the same title again.
        await self._leave(owner)

    async def _delete(self, context: Context, press: Press) -> None:
        owner = context.user.id
        async with get_user_lock(owner):
            await self._leave(owner)
            chat, _ = await self._chats.find(owner, press.number)
            await show(self._messages, context, MessageKind.CONFIRMATION, delete_question(chat))

    async def _confirm_delete(self, context: Context, press: Press) -> None:
        owner = context.user.id
        async with get_user_lock(owner):
            await self._leave(owner)
            chat = await self._chats.delete(owner, press.number, context.update)
        _count("delete", owner)
        await self._show_list(context, 1, deleted(chat))

    async def _history(self, context: Context, press: Press) -> None:
        """Send a chat's history, or ask in which form when the button names none.

        A day on the button limits the history to that day.
        """
        number, day = _chat_and_day(press)
        chat, _ = await self._chats.find(context.user.id, number)
        if not press.words:
            await show(self._messages, context, MessageKind.MENU, history_question(chat))
            return
        button = press.model_dump_json()
        if not await self._dialogs.first_tap(context.user.id, context.pressed, button, context.update):
            return
        await self._send_history(context, chat, day, press.word)
        # The card is sent below the file and does not replace the question above it.
        await self._show_card(replace(context, pressed=None), number)

    async def _history_command(self, context: Context, message: IncomingMessage) -> None:
        """Send the history of the person's current chat; when the command names a day, only the history of that day."""
        _, _, wanted = message.text.partition(" ")
        day = None
        if wanted.strip():
            try:
                day = parse_date(wanted, self._today())
            except BadText as exc:
                await self._messages.send(context.chat, MessageKind.STATUS_MESSAGE, bad_day(exc.user_text))
                return
        chat = await self._chats.active(context.user.id)
        await self._send_history(context, chat, day, EXTENSIONS[0])

    async def _send_history(self, context: Context, chat: Chat, day: date | None, extension: str) -> None:
        owner, path = context.user.id, self._folder / new_name()
        try:
            history = await self._write_history(chat, day, extension, path, datetime.now(UTC))
            if not history.questions:
                elsewhere = [] if day is None else await self._chats.asked_on(owner, day)
                others = [number for number in elsewhere if number != chat.number]
                below = replace(context, pressed=None)
                await show(self._messages, below, MessageKind.MENU, no_history(chat, day, others))
                return
            name, caption = history_file_name(history, extension), history_caption(history, extension)
            await self._messages.send_file(context.chat, MessageKind.RESULT, path, name, caption)
        finally:
            await asyncio.to_thread(path.unlink, missing_ok=True)
        _count("history", owner)

    async def _statistics_press(self, context: Context, press: Press) -> None:  # noqa: ARG002
        await self._show_statistics(context)

    async def _statistics_command(self, context: Context, message: IncomingMessage) -> None:  # noqa: ARG002
        await self._show_statistics(context)

    async def _show_statistics(self, context: Context) -> None:
        owner = context.user.id
        async with get_user_lock(owner):
            # This makes a chat for a person who has none, so that the statistics count it.
            await self._chats.active(owner)
            figures = await self._chats.statistics(owner)
        _count("stats", owner)
        may_oversee = may(context.user.role, Permission.OVERSEE)
        await show(self._messages, context, MessageKind.MENU, statistics(figures, may_oversee=may_oversee))

    async def _leave(self, owner: UserId) -> None:
        """End the dialog about chats; any other dialog stays open."""
        await self._dialogs.end(owner, ChatDialog)


def _chat_and_day(press: Press) -> tuple[int, date | None]:
    """Return the chat's number and the day on a history's button; None for the day is the whole history.

    Raises:
        OutdatedButton: the button's numbers are not a chat and a day.
    """
    match press.numbers:
        case (number,):
            return number, None
        case (number, day):
            try:
                return number, datetime.strptime(str(day), "%Y%m%d").date()  # noqa: DTZ007  # a day has no zone
            except ValueError as exc:
                raise OutdatedButton(data=press.action) from exc
    raise OutdatedButton(data=press.action)


def _count(action: str, owner: UserId) -> None:
    CHAT_ACTIONS.labels(action).inc()
    log.info("chat_action", user=str(owner), action=action)
