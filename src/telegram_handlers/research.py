"""Research: the button under an answer tells what one takes, the next one orders it."""

from collections.abc import Callable
from dataclasses import dataclass

from access import Permission
from datamodels import ReportRunId
from datamodels_telegram import MessageKind
from errors import NoLanguageModel, NotFound
from markups.callback_data import Action, Press, answer_of
from markups.research import research_closed, research_offer, research_ordered, research_without_model
from message_tracker import MessageTracker
from prompt_pack.models import ReportPack
from reports.research.orders import ResearchOrders
from telegram_handlers.context import Context, Routes
from telegram_handlers.effects import followed_research
from telegram_handlers.shared import show
from texts.ratings import GONE


@dataclass(frozen=True)
class ResearchWork:
    """The parts that the handlers use. ``wake`` makes the followers look at the database at once."""

    pack: ReportPack
    orders: ResearchOrders
    wake: Callable[[], None]


class ResearchHandlers:
    """Offers and orders research. Who may not order reports may not order this, which costs more."""

    def __init__(self, messages: MessageTracker, work: ResearchWork) -> None:
        self._messages = messages
        self._work = work

    def routes(self) -> Routes:
        return Routes(
            presses={
                Action.RESEARCH: (Permission.RECORD, self._offer),
                Action.RESEARCH_START: (Permission.RECORD, self._start),
                Action.RESEARCH_AGAIN: (Permission.RECORD, self._again),
                Action.RESEARCH_CLOSE: (Permission.RECORD, self._close),
            }
        )

    async def _offer(self, context: Context, press: Press) -> None:
        """Show the offer beneath the answer, which stays."""
        answer_id = answer_of(press)
        try:
            question, scope = await self._work.orders.asked(context.user.id, answer_id)
            offer = await self._work.orders.offer(context.user.id, question, scope)
            screen = research_offer(offer, answer_id, self._work.pack)
        except NotFound:
            await context.answer(GONE)
            return
        except NoLanguageModel:
            screen = research_without_model()
        await self._messages.send(context.chat, MessageKind.CONFIRMATION, screen)

    async def _start(self, context: Context, press: Press) -> None:
        try:
            question, scope = await self._work.orders.asked(context.user.id, answer_of(press))
            await self._work.orders.order(context.user.id, question, scope, followed_research(context, press))
        except NotFound:
            await context.answer(GONE)
            return
        except NoLanguageModel:
            await show(self._messages, context, MessageKind.CONFIRMATION, research_without_model())
            return
        await show(self._messages, context, MessageKind.STATUS_MESSAGE, research_ordered(question))
        self._work.wake()

    async def _again(self, context: Context, press: Press) -> None:
        """Order a research that ended without a report once more; what was read is not read again."""
        run = ReportRunId(answer_of(press))
        question = await self._work.orders.order_again(context.user.id, run, followed_research(context, press))
        await show(self._messages, context, MessageKind.STATUS_MESSAGE, research_ordered(question))
        self._work.wake()

    async def _close(self, context: Context, press: Press) -> None:  # noqa: ARG002
        await show(self._messages, context, MessageKind.STATUS_MESSAGE, research_closed())
