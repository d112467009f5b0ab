"""Delivers answers to the messenger: each is put into the outbox and noted as delivered, in one transaction."""

from collections.abc import Callable

import chat_history
import outbox_store
from datamodels import RecordingId, Value
from datamodels_chats import EndedAnswer, Occasion, ReturnAddress
from datamodels_telegram import ChatId, MessageId, MessageKind, OutgoingMessage
from db import Database
from followers import Loop
from markups.metadata import form_kind, form_screen
from markups.ratings import rated_messages
from metadata.form import open_form
from random_ids import new_name

_AT_ONCE = 20
_PAUSE_S = 0.3
"""Seconds between two looks at the database. A person waits for the answer, and a look is one search in an index."""

_DOOR = "telegram"


class _Destination(Value):
    """The messenger's return address: the chat, and the message there that the answer replaces, if any.

    ``below`` is the recording whose form was open when the question came: it is shown again below the answer.
    """

    chat_id: ChatId
    waiting_message_id: MessageId | None
    below: RecordingId | None = None


def occasion_of(chat: ChatId, message: MessageId) -> Occasion:
    """Return the ``Occasion`` of a person's ``message`` in ``chat``. ``turn`` is the message's id, since ids grow."""
    return Occasion(door=_DOOR, key=f"{chat}:{message}", turn=message)


def return_address(chat: ChatId, waiting_message: MessageId, below: RecordingId | None = None) -> ReturnAddress:
    """Return the address of an answer that goes to ``chat`` and replaces ``waiting_message``.

    The form of the recording ``below`` is shown again below the answer, if it is still open then.
    """
    destination = _Destination(chat_id=chat, waiting_message_id=waiting_message, below=below)
    return destination.model_dump(mode="json", exclude_defaults=True)


class ChatDeliveries:
    """Delivers answers that have ended."""

    def __init__(self, database: Database, wake_outbox: Callable[[], None]) -> None:
        self._database = database
        self._wake_outbox = wake_outbox
        self._loop = Loop("answers", _PAUSE_S)

    async def run(self) -> None:
        """Deliver until cancelled."""
        await self._loop.run(self.look)

    async def look(self) -> None:
        """Deliver the answers that have ended."""
        async with self._database.transaction() as connection:
            ended = await chat_history.lock_ended(connection, _DOOR, _AT_ONCE)
            for each in ended:
                destination = _Destination.model_validate(each.return_to)
                messages = _messages(each, destination.waiting_message_id)
                turn = await open_form(connection, each.owner_id, destination.below)
                if turn is not None:
                    subject = turn.recording.id
                    messages.append(OutgoingMessage(kind=form_kind(turn), screen=form_screen(turn), subject=subject))
                for message in messages:
                    # ``mark_delivered`` keeps this from happening twice. The key is always new: an answer whose failure
                    # was delivered is delivered again when it is made after all.
                    key = f"answer:{each.id}:{new_name()}"
                    await outbox_store.put(connection, key, each.owner_id, destination.chat_id, message)
                await chat_history.mark_delivered(connection, each.id)
        if ended:
            self._wake_outbox()
        if len(ended) == _AT_ONCE:
            self._loop.wake()


def _messages(ended: EndedAnswer, waiting: MessageId | None) -> list[OutgoingMessage]:
    """Return the messages of an answer; the first replaces ``waiting``, which says that the search goes on."""
    screens = rated_messages(ended.question, ended.outcome, ended.id)
    return [
        OutgoingMessage(kind=MessageKind.RESULT, screen=screen, replaces=None if part else waiting)
        for part, screen in enumerate(screens)
    ]
