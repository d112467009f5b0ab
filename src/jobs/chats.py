"""The job step that answers a question while a person waits.

It searches for passages. Then the model writes the answer from them. When there is no model, or it fails, the answer
is the passages as quotes.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import structlog

import chat_history
from chats.answers import Composer, no_answer, quotes
from chats.search import Retrieval
from conversations.hybrid import HybridStorage
from conversations.learning import Learning
from datamodels_chats import (
    AnswerId,
    AnswerOutcome,
    AnswerStatus,
    Conversation,
    Embedding,
    Example,
    Passage,
    QuestionToAnswer,
    Turn,
)
from errors import DatabaseUnavailable, OutOfResources, VoxPersonaError
from jobs.context import JobContext
from metrics import ANSWERS
from system.shortages import shortages_mapped
from texts.chats import NOTE_MODEL_FAILED, NOTE_NO_MODEL

log = structlog.get_logger(__name__)

_LONGEST_S = 180.0
"""Seconds that a slow or overloaded model is given; after that, the answer is the passages as quotes."""
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

    async def answer(self, answer_id: AnswerId) -> None:
        """Answer the question, unless it has been answered or its chat was deleted.

        Raises:
            DatabaseUnavailable, OutOfResources: nothing was stored.
        """
        await self._context.database.there()
        await self._storage.settle()
        async with self._context.database.transaction() as connection:
            asked = await chat_history.find_to_answer(connection, answer_id)
        if asked is None or asked.status is not AnswerStatus.WAITING:
            return
        embedding = await self._learning.embedding_of(asked.text)
        async with self._context.calls.one():
            outcome = await self._outcome(asked, embedding)
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
        ANSWERS.labels("failed").inc()

    async def _outcome(self, asked: QuestionToAnswer, embedding: Embedding | None) -> AnswerOutcome:
        async with self._context.database.transaction() as connection:
            turns = await chat_history.last_turns(connection, asked, _MOST_TURNS)
        before = list(dict.fromkeys(turn.question for turn in turns if turn.sources))
        passages = await self._retrieval.passages(asked.owner_id, asked.text, before)
        if not passages:
            return no_answer(empty=await self._retrieval.is_empty(asked.owner_id))
        examples = await self._learning.examples(asked.owner_id, embedding)
        try:
            async with asyncio.timeout(self._longest_s):
                with shortages_mapped():
                    return await self._composed(asked, passages, turns, examples)
        except (DatabaseUnavailable, OutOfResources):
            raise
        except (VoxPersonaError, TimeoutError) as exc:
            error = exc.code if isinstance(exc, VoxPersonaError) else "timeout"
            log.warning("answer_not_composed", error=error, reason=str(exc))
            return quotes(passages, NOTE_MODEL_FAILED)

    async def _composed(
        self,
        asked: QuestionToAnswer,
        passages: Sequence[Passage],
        turns: Sequence[Turn],
        examples: Sequence[Example],
    ) -> AnswerOutcome:
        llm = await self._context.engines.language_model()
        if llm is None:
            return quotes(passages, NOTE_NO_MODEL)
        composer = Composer(llm, self._context.pack.answer_prompt, self._context_tokens)
        return await composer.compose(asked.text, passages, turns, examples)
