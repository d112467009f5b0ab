"""The job step that answers a question while a person waits.

It searches for passages. Then the model writes the answer from them. When there is no model, or it fails, the answer
is the passages as quotes.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import structlog

import chat_history
from chats import asking_store
from chats.answers import Composer, no_answer, quotes
from chats.drafts import Drafts
from chats.refining import Refiner, proposals_for, proposals_from
from chats.search import Retrieval
from conversations.hybrid import HybridStorage
from conversations.learning import Learning
from datamodels_chats import (
    AnswerId,
    AnswerOutcome,
    AnswerStatus,
    Conversation,
    Embedding,
    Passage,
    QuestionToAnswer,
    Turn,
)
from datamodels_search import Facets, Narrowing
from errors import DatabaseUnavailable, OutOfResources, VoxPersonaError
from errors_of_operation import ContextCut
from jobs.context import JobContext
from metrics import ANSWERS
from system.shortages import shortages_mapped
from texts.chats import NOTE_MODEL_FAILED, NOTE_NO_MODEL

log = structlog.get_logger(__name__)

_LONGEST_S = 180.0
"""Seconds that a slow or overloaded model is given; after that, the answer is the passages as quotes."""
_LONGEST_REFINING_S = 60.0
"""Seconds that the model is given for better questions; after that, code makes them."""
_MOST_TURNS = 20
"""How many turns of the chat are loaded; of these as many are used as fit into the model's context."""


class AnswerSteps:
    """Answers questions. The model has ``longest_s`` seconds, and sees ``context_tokens`` of the chat's turns at most.

    When the database is away after an answer was composed, the answer is kept on the disk and not composed again.
    """

    def __init__(
        self,
        context: JobContext,
        retrieval: Retrieval,
        storage: HybridStorage,
        learning: Learning,
        context_tokens: int,
        longest_s: float = _LONGEST_S,
    ) -> None:
        self._context = context
        self._retrieval = retrieval
        self._storage = storage
        self._learning = learning
        self._context_tokens = context_tokens
        self._longest_s = longest_s
        self._drafts = Drafts(context.database)

    async def answer(self, answer_id: AnswerId) -> None:
        """Answer the question, unless it has been answered or its chat was deleted.

        The id may be that of proposals: better questions are then made, in their person's turn, too.

        Raises:
            DatabaseUnavailable, OutOfResources: nothing was stored.
        """
        await self._context.database.there()
        await self._storage.settle()
        async with self._context.database.transaction() as connection:
            asked = await chat_history.find_to_answer(connection, answer_id)
        if asked is None:
            await self._propose(answer_id)
            return
        if asked.status is not AnswerStatus.WAITING:
            return
        embedding = await self._learning.embedding_of(asked.text)
        async with self._context.calls.one():
            outcome = await self._outcome(answer_id, asked, embedding)
            conversation = Conversation(
                answer_id=answer_id,
                owner_id=asked.owner_id,
                question=asked.text,
                outcome=outcome,
                created_at=datetime.now(UTC),
                embedding=embedding,
            )
            stored = await self._storage.add_conversation(conversation)
        if stored:
            ANSWERS.labels(outcome.basis).inc()
            log.info("question_answered", answer=str(answer_id), basis=outcome.basis, sources=len(outcome.sources))

    async def fail(self, answer_id: AnswerId, error: VoxPersonaError) -> None:
        """Note that there will be no answer."""
        async with self._context.database.transaction() as connection:
            await chat_history.fail_answer(connection, answer_id, error.code)
            await asking_store.store_proposals(connection, answer_id, ())
        ANSWERS.labels("failed").inc()

    async def _propose(self, id_: UUID) -> None:
        """Make the better questions that somebody asked for, unless they are there or their chat was deleted."""
        async with self._context.database.transaction() as connection:
            wanted = await asking_store.find_proposals(connection, id_)
            if wanted is None or wanted.questions is not None:
                return
            asked = await chat_history.find_to_answer(connection, wanted.answer_id)
            if asked is None:
                return
            turns = await chat_history.last_turns(connection, asked, _MOST_TURNS)
        facets = await self._retrieval.facets(asked.owner_id)
        before = list(dict.fromkeys(turn.question for turn in turns))
        async with self._context.calls.one():
            proposed = await self._proposed(asked, before, facets)
            await self._context.database.persist(
                lambda connection: asking_store.store_proposals(connection, id_, proposed)
            )
        log.info("question_refined", proposals=str(id_), count=len(proposed))

    async def _proposed(self, asked: QuestionToAnswer, before: Sequence[str], facets: Facets) -> tuple[str, ...]:
        llm = await self._context.engines.language_model()
        pack = self._context.pack
        refiner = None if llm is None else Refiner(llm, pack.refine_prompt, pack.refine_schema)
        try:
            async with asyncio.timeout(_LONGEST_REFINING_S):
                return await proposals_for(refiner, asked.text, before, asked.narrowing, facets)
        except TimeoutError:
            return proposals_from(asked.text, asked.narrowing, facets)

    async def _outcome(
        self, answer_id: AnswerId, asked: QuestionToAnswer, embedding: Embedding | None
    ) -> AnswerOutcome:
        async with self._context.database.transaction() as connection:
            turns = await chat_history.last_turns(connection, asked, _MOST_TURNS)
        # One that found nothing counts as well: what was asked before it is not what is spoken of now.
        before = list(dict.fromkeys(turn.question for turn in turns))
        subject = [] if asked.search.as_is else before
        found = await self._retrieval.find(asked.owner_id, asked.text, subject, asked.filters, asked.search.without)
        if not found.passages and await self._retrieval.is_empty(asked.owner_id):
            return no_answer(empty=True)
        if found.passages:
            outcome = await self._answered(answer_id, asked, found.passages, turns, embedding)
        else:
            outcome = no_answer(empty=False)
        return outcome.model_copy(
            update={"narrowing": found.narrowing, "refinable": await self._is_refinable(asked, found.narrowing)}
        )

    async def _is_refinable(self, asked: QuestionToAnswer, narrowing: Narrowing) -> bool:
        if await self._context.engines.language_model() is not None:
            return True
        return bool(proposals_from(asked.text, narrowing, await self._retrieval.facets(asked.owner_id)))

    async def _answered(
        self,
        answer_id: AnswerId,
        asked: QuestionToAnswer,
        passages: Sequence[Passage],
        turns: Sequence[Turn],
        embedding: Embedding | None,
    ) -> AnswerOutcome:
        llm = await self._context.engines.language_model()
        if llm is None:
            return quotes(passages, NOTE_NO_MODEL)
        composer = Composer(llm, self._context.pack.answer_prompt, self._context_tokens)
        if asked.draft and (paid := await composer.broken_off(asked.draft, passages)) is not None:
            return paid
        examples = await self._learning.examples(asked.owner_id, embedding)

        async def composed() -> AnswerOutcome:
            outcome = await composer.compose(asked.text, passages, turns, examples, self._drafts.of(answer_id))
            return outcome.model_copy(update={"similar_found": len(examples)})

        try:
            async with asyncio.timeout(self._longest_s):
                with shortages_mapped():
                    try:
                        return await composed()
                    except ContextCut:
                        # How much the model can read is known now: fewer passages are shown to it.
                        return await composed()
        except (DatabaseUnavailable, OutOfResources):
            raise
        except (VoxPersonaError, TimeoutError) as exc:
            error = exc.code if isinstance(exc, VoxPersonaError) else "timeout"
            log.warning("answer_not_composed", error=error, reason=str(exc))
            return quotes(passages, NOTE_MODEL_FAILED)
