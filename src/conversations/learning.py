"""Learning from ratings: finds earlier questions similar to a new one, with answers that the same person found good."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import numpy as np
import structlog

from conversations.port import StorageAdapter
from datamodels import UserId
from datamodels_chats import GOOD, AnswerId, Basis, Embedding, Example, RatedConversation
from embeddings.port import Embeddings, Float32Array
from errors import VoxPersonaError

log = structlog.get_logger(__name__)

FLOOR = 0.88
"""Questions whose vectors have this cosine or a higher one count as similar. It is high because the vectors of e5 all
lie close together. Chosen by F0.5 on 45 questions (precision 0.76, recall 0.56); on 45 others precision is 0.80 and
recall 0.53 (``scripts/benchmark -k learning``)."""
_MOST_COMPARED = 1000
"""How many of a person's latest good conversations are compared with a new question."""
_MOST_AT_ONCE = 50
"""At most this many earlier questions that have no vector by the current model are embedded for one answer.

Later answers embed the rest.
"""
_LITTLE_ENDIAN = np.dtype("<f4")


class Learning:
    """Finds at most ``most`` examples for a new answer; with 0, learning is off.

    When the engine of embeddings fails, the answer is made without examples.
    """

    def __init__(
        self, storage: StorageAdapter, embeddings: Callable[[], Awaitable[Embeddings | None]], most: int
    ) -> None:
        self._storage = storage
        self._embeddings = embeddings
        self._most = most
        self._vectors: dict[tuple[str, AnswerId], Float32Array] = {}

    async def embedding_of(self, question: str) -> Embedding | None:
        """Embed a question; return None when learning or the embeddings are off, or the engine does not work."""
        if not self._most:
            return None
        try:
            embeddings = await self._embeddings()
            if embeddings is None:
                return None
            vectors = await embeddings.embed_questions([question])
        except VoxPersonaError as exc:
            log.warning("question_not_embedded", error=exc.code, reason=str(exc))
            return None
        return Embedding(model=embeddings.model, vector=vectors[0].astype(_LITTLE_ENDIAN).tobytes())

    async def examples(self, owner: UserId, question: Embedding | None) -> list[Example]:
        """Return the owner's good answers to the questions most like ``question``, the most alike first.

        Return [] when ``question`` is None, or the engine of embeddings fails.

        Raises:
            DatabaseUnavailable: the good answers could not be looked up.
        """
        if question is None:
            return []
        good = await self._storage.get_rated_conversations(owner, GOOD, _MOST_COMPARED)
        # An answer of quotes shows the model nothing about how to write.
        written = [each for each in good if each.outcome.basis is Basis.MODEL]
        try:
            vectors = await self._vectors_of(written, question.model)
        except VoxPersonaError as exc:
            log.warning("examples_not_embedded", error=exc.code, reason=str(exc))
            return []
        return await asyncio.to_thread(_nearest, written, vectors, question, self._most)

    async def _vectors_of(self, conversations: Sequence[RatedConversation], model: str) -> list[Float32Array | None]:
        """Return the vector of each conversation's question by ``model``; None where none is stored or can be made."""
        known = [self._known_vector(each, model) for each in conversations]
        lacking = [at for at, vector in enumerate(known) if vector is None][:_MOST_AT_ONCE]
        embeddings = await self._embeddings() if lacking else None
        if embeddings is not None and embeddings.model == model:
            made = await embeddings.embed_questions([conversations[at].question for at in lacking])
            for at, vector in zip(lacking, made, strict=True):
                known[at] = self._vectors[model, conversations[at].answer_id] = vector
        return known

    def _known_vector(self, conversation: RatedConversation, model: str) -> Float32Array | None:
        stored = conversation.embedding
        if stored is not None and stored.model == model:
            return np.frombuffer(stored.vector, dtype=_LITTLE_ENDIAN).astype(np.float32)
        return self._vectors.get((model, conversation.answer_id))


def _nearest(
    conversations: Sequence[RatedConversation],
    vectors: Sequence[Float32Array | None],
    question: Embedding,
    most: int,
) -> list[Example]:
    wanted = np.frombuffer(question.vector, dtype=_LITTLE_ENDIAN)
    alike = [
        (float(vector @ wanted), each)
        for each, vector in zip(conversations, vectors, strict=True)
        if vector is not None and vector.shape == wanted.shape
    ]
    # Sorting keeps the order of equally similar questions: the latest rated first.
    near = sorted((each for each in alike if each[0] >= FLOOR), key=lambda each: -each[0])
    chosen: dict[str, Example] = {}
    for _, each in near:
        chosen.setdefault(each.question.casefold(), Example(question=each.question, answer=each.outcome.text))
    return list(chosen.values())[:most]
