"""Messages and cards that follow from a change of state, stored in the transaction of the change.

Handlers pass the functions made here to services, which call them in their own transaction: after a crash, both the
change and its messages are there, or neither.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, ParamSpec

import cards_store
import outbox_store
import recording_wizard_store
import user_states
from datamodels import Recording, ReportRun, ReportRunId, UserId
from datamodels_telegram import MessageId, MessageKind, OutgoingMessage
from db import Connection
from dialogs import first_tap
from markups.callback_data import Press
from markups.privacy import privacy_notice
from random_ids import new_name
from recordings.consents import Consents
from recordings.intake import WithRecording
from recordings.lookup import WithOwnRecording
from reports.research.orders import WithResearch
from telegram_handlers.context import Context
from texts.telegram_recordings import ALREADY_SENT
from user_states import State

P = ParamSpec("P")


class Ordered(State):
    """What the buttons of one message ordered, kept so that a press handled again orders nothing twice.

    ``update`` is the key of the last press that ordered.
    """

    KEY = "ordered"
    message_id: MessageId | None
    wanted: tuple[str, ...] = ()
    update: str = ""


class DemonstrationTold(State):
    """Notes that the person was told that the language model is for demonstration."""

    KEY = "demonstration_told"


class SentOnce(Generic[P]):
    """A function that puts a message with a file into the outbox, unless this press is the second of a double tap.

    The message survives a restart. ``message`` makes it from the arguments that the service passes to the function.
    ``told`` is what the person is told of the press: ``sending``, or that the file has been sent.
    """

    def __init__(self, context: Context, press: Press, message: Callable[P, OutgoingMessage], sending: str) -> None:
        self._context = context
        self._press = press
        self._message = message
        self.told = sending

    async def __call__(self, connection: Connection, /, *found: P.args, **named: P.kwargs) -> None:
        context, button = self._context, self._press.model_dump_json()
        if await first_tap(connection, context.user.id, context.pressed, button, context.update):
            key = f"press:{context.update or new_name()}"
            await outbox_store.put(connection, key, context.user.id, context.chat, self._message(*found, **named))
        else:
            self.told = ALREADY_SENT


def notice_once(context: Context, consents: Consents) -> Callable[[Connection], Awaitable[None]]:
    """Return a function that sends the notice about people's data to who has not seen this version of it."""

    async def send(connection: Connection) -> None:
        owner, version = context.user.id, consents.version
        if await consents.note_shown(connection, owner):
            screen = privacy_notice(consents.notice, version)
            message = OutgoingMessage(kind=MessageKind.RESULT, screen=screen)
            await outbox_store.put(connection, f"notice:{owner}:{version}", owner, context.chat, message)

    return send


def followed_anew(context: Context) -> WithRecording:
    """Return a function that restarts the wizard of a recording that is processed again, and adds a new card."""

    async def follow(connection: Connection, recording: Recording, known: bool) -> None:  # noqa: ARG001
        await recording_wizard_store.restart(connection, context.user.id, context.chat, recording.id)
        await cards_store.add_recording_card(connection, context.user.id, context.chat, recording.id)

    return follow


def may_order_again(context: Context) -> WithOwnRecording:
    """Return a function that forgets earlier orders, so that the pressed message, now a menu, can order again."""

    async def forget(connection: Connection, recording: Recording) -> None:  # noqa: ARG001
        await user_states.drop(connection, context.user.id, Ordered)

    return forget


def followed_research(context: Context, press: Press) -> WithResearch:
    """Return a function that gives an ordered research its card, once however often the press is handled."""

    async def follow(connection: Connection, run: ReportRun) -> None:
        owner = context.user.id
        is_first = await first_tap(connection, owner, context.pressed, press.model_dump_json(), context.update)
        if is_first and run.id not in await _undelivered(connection, owner):
            await cards_store.add_reports_card(connection, owner, context.chat, None, [run.id])

    return follow


class OrderPress:
    """A press that orders ``wanted`` once, however often it is handled; the ordered reports get a card.

    ``expected`` says what they will take, empty when nobody can tell.

    ``tells_demonstration`` is True after an order when the person is to be told, once, that the language model is for
    demonstration. ``is_handled_again`` is True for a known order when this very press made it, before a crash.
    """

    def __init__(self, context: Context, wanted: str, *, demonstration: bool, expected: str = "") -> None:
        self._context = context
        self._wanted = wanted
        self._demonstration = demonstration
        self._expected = expected
        self.tells_demonstration = False
        self.is_handled_again = False

    async def is_known(self, connection: Connection) -> bool:
        before = await user_states.get(connection, self._context.user.id, Ordered)
        update = self._context.update
        self.is_handled_again = before is not None and update != "" and before.update == update
        return self._wanted in await self._ordered_before(connection)

    async def note(self, connection: Connection, recording: Recording, runs: Sequence[ReportRunId]) -> None:
        """Note the order, and add a card for its runs. Runs that another order's card will deliver are left out."""
        owner, chat = self._context.user.id, self._context.chat
        wanted = (*await self._ordered_before(connection), self._wanted)
        ordered = Ordered(message_id=self._context.pressed, wanted=wanted, update=self._context.update)
        await user_states.put(connection, owner, ordered)
        on_their_way = await _undelivered(connection, owner)
        new = [run for run in runs if run not in on_their_way]
        if new:
            # Reports that are written already were paid for before.
            expected = self._expected or None
            await cards_store.add_reports_card(connection, owner, chat, recording.id, new, expected)
        if self._demonstration:
            told = await user_states.get(connection, owner, DemonstrationTold)
            await user_states.put(connection, owner, DemonstrationTold())
            self.tells_demonstration = told is None

    async def _ordered_before(self, connection: Connection) -> tuple[str, ...]:
        before = await user_states.get(connection, self._context.user.id, Ordered)
        return before.wanted if before is not None and before.message_id == self._context.pressed else ()


async def _undelivered(connection: Connection, owner: UserId) -> frozenset[ReportRunId]:
    cards = await cards_store.undelivered(connection)
    mine = [card for card in cards if card.owner_id == owner]
    return frozenset(run for card in mine for run in card.run_ids if run not in card.delivered)
