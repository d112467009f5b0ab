"""Orders of research: what one would read and take, and the order itself, which is one transaction.

However often, and from wherever, a research of the same inputs is ordered, it stays one.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from hashlib import sha256

import chat_history
import texts.limits
from constants import NO_SCENARIO, RESEARCH
from datamodels import RecordingId, ReportRun, ReportRunId, RunStatus, UserId
from datamodels_chats import AnswerId
from db import Connection, Database
from errors import NoLanguageModel, NotFound
from errors_of_operation import NothingToResearch, ResearchGoesOn
from language_model.port import LanguageModel
from limits.reservations import reserve_report
from prompt_pack.models import ReportPack
from random_ids import new_id
from reports.research import store
from reports.research.estimate import estimate
from reports.research.generation import steps_of
from reports.research.store import NewResearch
from reports.research.values import EVERYTHING, Interview, Offer, Scope, scope_of
from text_cleaning import preview

_LONGEST_NAMED = 60

EnqueueReport = Callable[[Connection, RecordingId | None, ReportRunId], Awaitable[None]]
"""Adds, in the transaction, the job that will write a report."""
WithResearch = Callable[[Connection, ReportRun], Awaitable[None]]
"""Adds what else belongs to the transaction of an order, such as a card."""


class ResearchOrders:
    """Offers and orders research, of the latest ``most`` transcripts of a scope.

    ``language_model`` returns the model in use, None when there is none; ``has_demo_model`` tells whether that one is
    for demonstration.
    """

    def __init__(
        self,
        database: Database,
        pack: ReportPack,
        language_model: Callable[[], Awaitable[LanguageModel | None]],
        enqueue: EnqueueReport,
        has_demo_model: Callable[[], bool],
        most: int,
    ) -> None:
        self._database = database
        self._pack = pack
        self._language_model = language_model
        self._enqueue = enqueue
        self._has_demo_model = has_demo_model
        self._most = most

    async def offer(self, asker: UserId, question: str, scope: Scope = EVERYTHING) -> Offer:
        """Tell what a research of a scope would read and take.

        Raises:
            NothingToResearch: the person may see no transcript of the scope.
            NoLanguageModel: the language model is switched off.
            ContextTooSmall: the model's context is too small for it.
        """
        async with self._database.transaction() as connection:
            interviews, matching = await self._found(connection, asker, scope)
        llm = await self._model()
        expected = await estimate(self._database, asker, question, interviews, llm, self._pack.research)
        return Offer(
            question=question,
            scope=scope,
            reading=len(interviews),
            matching=matching,
            estimate=expected,
            demonstration=self._has_demo_model(),
        )

    async def order(
        self, asker: UserId, question: str, scope: Scope = EVERYTHING, with_research: WithResearch | None = None
    ) -> ReportRun:
        """Order a research, or return the one of the same inputs, which may be done; call ``with_research`` with it.

        Raises:
            NothingToResearch: the person may see no transcript of the scope.
            NoLanguageModel: the language model is switched off.
            ResearchGoesOn: another research of the person has not ended.
            LimitReached: it would take more than the person has left.
        """
        # The model may take its time to start: nothing is locked meanwhile.
        llm = await self._model()
        expected = (await self.offer(asker, question, scope)).estimate
        async with self._database.transaction() as connection:
            interviews, matching = await self._found(connection, asker, scope)
            prompts = self._pack.research
            new = NewResearch(
                id=ReportRunId(new_id()),
                owner_id=asker,
                scenario=scope.scenario or NO_SCENARIO,
                report_id=RESEARCH,
                input_hash=await asyncio.to_thread(_hash, question, scope, interviews, prompts.version, llm),
                prompt_hash=prompts.version,
                model=llm.info.model,
                passes_total=steps_of(len(interviews)),
            )
            if await store.has_other_unfinished(connection, asker, new.input_hash):
                raise ResearchGoesOn
            ids = [each.id for each in interviews]
            run = await store.queue(connection, new, question, scope, ids, matching)
            if run.status is not RunStatus.DONE:
                about = texts.limits.ABOUT_RESEARCH.format(name=preview(question, _LONGEST_NAMED))
                await reserve_report(connection, asker, run.id, expected.usage, expected.cost_usd, about)
                await self._enqueue(connection, None, run.id)
            if with_research is not None:
                await with_research(connection, run)
        return run

    async def order_again(self, asker: UserId, run_id: ReportRunId, with_research: WithResearch) -> str:
        """Order a research of the person's once more, of what fits now; return its question.

        Raises:
            NotFound: the person has no such research.
            Everything that ``order`` raises.
        """
        async with self._database.transaction() as connection:
            order = await store.find_order(connection, run_id)
        if order is None or order.owner_id != asker:
            raise NotFound(what=f"research {run_id} of {asker}")
        await self.order(asker, order.question, order.scope, with_research)
        return order.question

    async def asked(self, asker: UserId, answer_id: AnswerId) -> tuple[str, Scope]:
        """Return the question that an answer of the person is about, and the recordings that were searched for it.

        Raises:
            NotFound: the person has no such answer.
        """
        async with self._database.transaction() as connection:
            asked = await chat_history.find_to_answer(connection, answer_id)
        if asked is None or asked.owner_id != asker:
            raise NotFound(what=f"answer {answer_id} of {asker}")
        return asked.text, scope_of(asked.narrowing)

    async def unfinished(self, owner: UserId) -> Sequence[ReportRunId]:
        """Return the research of a person that waits or is worked on."""
        async with self._database.transaction() as connection:
            return await store.unfinished(connection, owner)

    async def _found(self, connection: Connection, asker: UserId, scope: Scope) -> tuple[list[Interview], int]:
        interviews, matching = await store.interviews_of(connection, asker, scope, self._most)
        if not interviews:
            raise NothingToResearch
        return interviews, matching

    async def _model(self) -> LanguageModel:
        llm = await self._language_model()
        if llm is None:
            raise NoLanguageModel
        return llm


def _hash(question: str, scope: Scope, interviews: Sequence[Interview], prompts: str, llm: LanguageModel) -> str:
    """Return the sha256 of all that a research depends on."""
    read = [[str(each.id), each.content_hash, each.place, str(each.day)] for each in interviews]
    hashed = [question, scope.model_dump(mode="json"), read, prompts, llm.info.fingerprint]
    return sha256(json.dumps(hashed, ensure_ascii=False).encode()).hexdigest()
