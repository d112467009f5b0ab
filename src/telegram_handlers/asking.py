"""Buttons around a question: where its chat is searched, asking again without a condition, better questions."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import texts.asking
from access import Permission
from chat_deliveries import return_address
from chats.asking import Asking, Change, with_corpus, without
from chats.threads import Chats
from datamodels_chats import AnswerId, Occasion, ReturnAddress
from datamodels_search import Condition, Corpus, Search
from datamodels_telegram import MessageKind, Screen
from dialogs import get_user_lock
from errors import DatabaseUnavailable, NotFound, OutdatedButton, UnknownChoice, VoxPersonaError
from markups.asking import ALL, CORPUS, MINE, ON, SCENARIO, WHOSE, refining, where_screen
from markups.callback_data import Action, Press, answer_of, id_of
from markups.chats import searching
from message_tracker import MessageTracker
from prompt_pack.models import ReportPack
from random_ids import new_name
from telegram_handlers.context import Context, Routes
from telegram_handlers.shared import say_once, show
from texts.ratings import GONE


@dataclass(frozen=True)
class AskingWork:
    """The parts that the handlers use."""

    chats: Chats
    asking: Asking
    pack: ReportPack


class AskingHandlers:
    """Changes where and how questions are asked."""

    def __init__(self, messages: MessageTracker, work: AskingWork) -> None:
        self._messages = messages
        self._chats = work.chats
        self._asking = work.asking
        self._pack = work.pack

    def routes(self) -> Routes:
        return Routes(
            presses={
                Action.WHERE: (Permission.ASK, self._where),
                Action.WHERE_CHAT: (Permission.ASK, self._choose),
                Action.WIDER: (Permission.ASK, self._wider),
                Action.REFINE: (Permission.ASK, self._refine),
                Action.ASK_PROPOSAL: (Permission.ASK, self._ask_proposal),
                Action.AS_IS: (Permission.ASK, self._as_is),
            }
        )

    async def _where(self, context: Context, press: Press) -> None:
        """Show, beneath an answer, where its chat is searched."""
        try:
            asked = await self._asking.question(context.user.id, answer_of(press))
        except NotFound:
            await context.answer(GONE)
            return
        chat, filters = await self._asking.filters(context.user.id, asked.chat_number)
        await self._messages.send(context.chat, MessageKind.MENU, where_screen(chat, filters, self._pack))

    async def _choose(self, context: Context, press: Press) -> None:
        """Keep a choice, if the button has one, and show where the chat is searched."""
        change = self._change(press)
        before = None
        async with get_user_lock(context.user.id):
            if change is not None:
                _, before = await self._asking.filters(context.user.id, press.number)
            chat, filters = await self._asking.filters(context.user.id, press.number, change)
        if filters == before and press.words[0] == CORPUS:
            await context.answer(texts.asking.ONE_CORPUS)
        await show(self._messages, context, MessageKind.MENU, where_screen(chat, filters, self._pack))

    def _change(self, press: Press) -> Change | None:
        """Return what a button changes; None for one that only shows.

        Raises:
            OutdatedButton: the button has no choice of today.
        """
        match press.words:
            case ():
                return None
            case (what, corpus, wanted) if what == CORPUS and corpus in set(Corpus):
                return lambda filters: with_corpus(filters, Corpus(corpus), wanted=wanted == ON)
            case (what, whose) if what == WHOSE:
                return lambda filters: filters.model_copy(update={"mine": whose == MINE})
            case (what, scenario) if what == SCENARIO:
                chosen = self._chosen_scenario(press, scenario)
                return lambda filters: filters.model_copy(update=chosen)
        raise OutdatedButton(data=press.action)

    def _chosen_scenario(self, press: Press, scenario_id: str) -> dict[str, str | None]:
        if scenario_id == ALL:
            return {"scenario": None, "scenario_label": ""}
        try:
            scenario = self._pack.scenario(scenario_id)
        except UnknownChoice as exc:
            raise OutdatedButton(data=press.action) from exc
        return {"scenario": scenario.id, "scenario_label": scenario.label}

    async def _wider(self, context: Context, press: Press) -> None:
        if len(press.words) != 2 or press.words[1] not in set(Condition):
            raise OutdatedButton(data=press.action)
        condition = Condition(press.words[1])
        await self._ask_again(context, AnswerId(id_of(press)), lambda search: without(search, condition))

    async def _as_is(self, context: Context, press: Press) -> None:
        change = {"as_is": True}
        await self._ask_again(context, answer_of(press), lambda search: search.model_copy(update=change))

    async def _ask_again(self, context: Context, answer_id: AnswerId, changed: Callable[[Search], Search]) -> None:
        owner = context.user.id
        async with get_user_lock(owner):
            try:
                search = changed((await self._asking.question(owner, answer_id)).search)
            except NotFound:
                await context.answer(GONE)
                return
            if await self._asking.is_asked_again(answer_id, search):
                await context.answer(texts.asking.ASKED_ALREADY)
                return
            await self._waited_for(
                context, searching(), lambda address: self._asking.ask_again(owner, answer_id, search, address)
            )

    async def _ask_proposal(self, context: Context, press: Press) -> None:
        """Ask a proposed question; once, however often its button is pressed."""
        owner = context.user.id
        async with get_user_lock(owner):
            try:
                question = await self._asking.proposed(owner, id_of(press), press.number)
            except NotFound:
                await context.answer(GONE)
                return
            occasion = Occasion(door="telegram", key=f"{context.chat}:proposal:{id_of(press)}:{press.number}")
            if await self._chats.is_known(owner, occasion):
                await context.answer(texts.asking.ASKED_ALREADY)
                return

            async def ask(address: ReturnAddress) -> None:
                await self._chats.ask(owner, occasion, question, address)

            await self._waited_for(context, searching(), ask)

    async def _refine(self, context: Context, press: Press) -> None:
        """Have better questions made; they come in a moment."""
        owner, answer_id = context.user.id, answer_of(press)
        occasion = context.update or new_name()
        async with get_user_lock(owner):
            try:
                await self._asking.question(owner, answer_id)
            except NotFound:
                await context.answer(GONE)
                return
            await self._waited_for(
                context, refining(), lambda address: self._asking.propose(owner, answer_id, occasion, address)
            )

    async def _waited_for(
        self, context: Context, screen: Screen, begin: Callable[[ReturnAddress], Awaitable[None]]
    ) -> None:
        """Send ``screen``, whose place the outcome takes, and ``begin``; without the screen where that fails."""
        key = f"waiting:{context.chat}:{context.update or new_name()}"
        waiting = await say_once(self._messages, context.chat, screen, key)
        try:
            await begin(return_address(context.chat, waiting))
        except DatabaseUnavailable:
            raise  # it is done once more, with the same message
        except VoxPersonaError:
            await self._messages.remove_message(context.chat, waiting)
            raise
