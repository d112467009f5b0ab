"""Delivers answers to the messenger: each is put into the outbox and noted as delivered, in one transaction."""

import asyncio
from collections.abc import Callable
from itertools import zip_longest

import structlog

import chat_history
import dialogs
import outbox_store
import texts.chats
from access import Permission, may
from chats import asking_store
from chats.asking_store import Draft, Proposals
from datamodels import RecordingId, Value
from datamodels_chats import AnswerId, EndedAnswer, Occasion, ReturnAddress
from datamodels_telegram import ChatId, Doing, MessageId, MessageKind, OutgoingMessage, Screen
from db import Connection, Database
from followers import KeyedTasks, Loop
from markups.asking import proposals_screen
from markups.chats import draft as draft_screen
from markups.metadata import form_kind, form_screen
from markups.ratings import rated_messages
from message_tracker import DOING_S, MessageTracker
from messenger import MessengerError
from metadata.form import open_form
from random_ids import new_name

log = structlog.get_logger(__name__)

_AT_ONCE = 20
_PAUSE_S = 0.3
"""Seconds between two looks at the database. A person waits for the answer, and a look is one search in an index."""

_DOOR = "telegram"


class _Destination(Value):
    """The messenger's return address: the chat, and the message there that the answer replaces, if any.

    ``below`` is the recording whose form was open when the question came: it is shown again below the answer. So is
    ``again``, the question of any other step, while the person's dialog is at the same ``place``.
    """

    chat_id: ChatId
    waiting_message_id: MessageId | None
    below: RecordingId | None = None
    again: OutgoingMessage | None = None
    place: str | None = None


def occasion_of(chat: ChatId, message: MessageId) -> Occasion:
    """Return the ``Occasion`` of a person's ``message`` in ``chat``. ``turn`` is the message's id, since ids grow."""
    return Occasion(door=_DOOR, key=f"{chat}:{message}", turn=message)


def return_address(
    chat: ChatId,
    waiting_message: MessageId,
    below: RecordingId | None = None,
    again: OutgoingMessage | None = None,
    place: str | None = None,
) -> ReturnAddress:
    """Return the address of an answer that goes to ``chat`` and replaces ``waiting_message``.

    The form of the recording ``below`` is shown again below the answer, if it is still open then; so is the question
    ``again``, if the dialog is still at its ``dialogs.place``.
    """
    destination = _Destination(chat_id=chat, waiting_message_id=waiting_message, below=below, again=again, place=place)
    return destination.model_dump(mode="json", exclude_defaults=True)


class ChatDeliveries:
    """Delivers answers that have ended and proposals that are made; shows answers that are being written.

    A draft is shown in the message that says that the search goes on, and the answer then takes this message's place.
    With ``speaks`` there is a button that has an answer said.
    """

    def __init__(
        self, database: Database, messages: MessageTracker, wake_outbox: Callable[[], None], *, speaks: bool = False
    ) -> None:
        self._database = database
        self._messages = messages
        self._wake_outbox = wake_outbox
        self._speaks = speaks
        self._loop = Loop("answers", _PAUSE_S)
        self._shown: dict[AnswerId, str] = {}

    async def run(self) -> None:
        """Deliver until cancelled."""
        async with asyncio.TaskGroup() as group:
            tasks: KeyedTasks[AnswerId] = KeyedTasks("drafts", group, self._loop.wake)
            group.create_task(Loop("writing", DOING_S).run(self._show_writing))
            await self._loop.run(lambda: self._look(tasks))

    async def _show_writing(self) -> None:
        """Show in each chat that an answer is being made for it."""
        async with self._database.transaction() as connection:
            waiting = await asking_store.list_waiting(connection, _DOOR)
        chats = {_Destination.model_validate(each).chat_id for each in waiting}
        await asyncio.gather(*(self._messages.show_doing(chat, Doing.WRITING) for chat in chats))

    async def _look(self, tasks: KeyedTasks[AnswerId]) -> None:
        # An answer waits while its draft is being shown: a late draft must not take the answer's place.
        busy = tasks.busy
        async with self._database.transaction() as connection:
            ended = await chat_history.lock_ended(connection, _DOOR, _AT_ONCE)
            for each in ended:
                if each.id not in busy:
                    await self._deliver(connection, each)
            proposals = await asking_store.lock_made(connection, _DOOR, _AT_ONCE)
            for made in proposals:
                await _deliver_proposals(connection, made)
            drafts = await asking_store.list_drafts(connection, _DOOR)
        self._shown = {each.id: self._shown[each.id] for each in drafts if each.id in self._shown}
        for draft in drafts:
            if draft.id not in busy and self._shown.get(draft.id) != draft.draft:
                self._shown[draft.id] = draft.draft
                tasks.start(draft.id, self._show(draft))
        if ended or proposals:
            self._wake_outbox()
        if len(ended) == _AT_ONCE:
            self._loop.wake()

    async def _show(self, draft: Draft) -> None:
        destination = _Destination.model_validate(draft.return_to)
        if destination.waiting_message_id is None:
            return
        screen = draft_screen(draft.question, draft.draft)
        try:
            await self._messages.edit(destination.chat_id, destination.waiting_message_id, screen)
        except MessengerError as exc:
            # The next draft or the answer follows in a moment.
            log.warning("draft_not_shown", answer=str(draft.id), error=exc.code, reason=str(exc))

    async def _deliver(self, connection: Connection, ended: EndedAnswer) -> None:
        destination = _Destination.model_validate(ended.return_to)
        if ended.shown_as:
            await self._deliver_anew(connection, ended, destination.chat_id)
            return
        messages = _messages(ended, destination.waiting_message_id, speaks=self._speaks)
        turn = await open_form(connection, ended.owner_id, destination.below)
        if turn is not None:
            subject = turn.recording.id
            messages.append(OutgoingMessage(kind=form_kind(turn), screen=form_screen(turn), subject=subject))
        if destination.again is not None and destination.place == await dialogs.place(connection, ended.owner_id):
            messages.append(destination.again)
        for message in messages:
            await outbox_store.put(connection, _key(ended), ended.owner_id, destination.chat_id, message)
        await chat_history.mark_delivered(connection, ended.id)

    async def _deliver_anew(self, connection: Connection, ended: EndedAnswer, chat: ChatId) -> None:
        """Show an answer in the places of its messages; there may be many such answers, and nothing waits for them."""
        screens = [message.screen for message in _messages(ended, None, speaks=self._speaks)]
        for shown, screen in zip_longest(ended.shown_as, screens):
            message = OutgoingMessage(
                kind=MessageKind.RESULT,
                screen=screen or Screen(text=texts.chats.PART_GONE),
                replaces=None if shown is None else MessageId(shown),
                in_place=True,
            )
            await outbox_store.put(connection, _key(ended), ended.owner_id, chat, message, aside=True)
        await chat_history.mark_delivered(connection, ended.id)


def _key(ended: EndedAnswer) -> str:
    """Return a new key. ``mark_delivered`` keeps an answer from being delivered twice.

    One whose failure was delivered is delivered again when it is made after all.
    """
    return f"answer:{ended.id}:{new_name()}"


async def _deliver_proposals(connection: Connection, made: Proposals) -> None:
    destination = _Destination.model_validate(made.return_to)
    screen, waiting = proposals_screen(made), destination.waiting_message_id
    message = OutgoingMessage(kind=MessageKind.CONFIRMATION, screen=screen, replaces=waiting)
    await outbox_store.put(connection, f"proposals:{made.id}", made.owner_id, destination.chat_id, message)
    await asking_store.mark_delivered(connection, made.id)


def _messages(ended: EndedAnswer, waiting: MessageId | None, *, speaks: bool) -> list[OutgoingMessage]:
    """Return the messages of an answer; the first takes the place of ``waiting``, which tells of the search."""
    researches = may(ended.role, Permission.RECORD)
    screens = rated_messages(ended.question, ended.outcome, ended.id, speaks=speaks, researches=researches)
    return [
        OutgoingMessage(kind=MessageKind.RESULT, screen=screen, replaces=None if part else waiting)
        for part, screen in enumerate(screens)
    ]
