"""Orders texts by how well they answer a question: the port, and an endpoint that reads both together.

An endpoint is optional and never waited for long: while it fails, the order stays what it was without it.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from time import monotonic
from typing import Any, Protocol

import httpx2
import openai
import structlog
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from embeddings.port import readable
from errors import OutOfResources, ProviderError, ProviderInvalidAnswer
from provider_calls.openai import openai_client, openai_errors
from provider_calls.policy import ProviderCalls, Time

log = structlog.get_logger(__name__)

MOST_TEXTS = 30
"""text-embeddings-inference refuses more than 32 (its ``--max-client-batch-size``)."""
PATIENCE_S = 6.0
"""How long a question waits for its order, all tries together."""
PAUSE_S = 60.0
"""How long no question waits after one has waited in vain."""
_CONCURRENCY = 4
_MISSES_TEXTS = {400, 422}


class _Score(BaseModel):
    """A score of Cohere, Jina and vLLM, or of text-embeddings-inference, which calls it ``score``."""

    model_config = ConfigDict(populate_by_name=True)

    index: int = Field(ge=0)
    relevance_score: float = Field(alias="score", allow_inf_nan=False)


_SCORES = TypeAdapter(list[_Score])


class Reranker(Protocol):
    """Orders texts by how well each answers a question."""

    async def order(self, question: str, texts: Sequence[str]) -> Sequence[int] | None:
        """Return the places of up to ``MOST_TEXTS`` texts, that of the best first; None when it cannot be told now."""
        ...

    async def close(self) -> None: ...


class EndpointReranker:
    """``Reranker`` over ``/rerank``, of Cohere's form (Jina, vLLM, llama.cpp) or text-embeddings-inference's.

    Which form it is tells the endpoint's first refusal. Scores of different models have no common scale: only their
    order counts.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        model: str,
        provider_name: str,
        *,
        time: Time | None = None,
        patience_s: float = PATIENCE_S,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._model = model
        self._provider = provider_name
        self._client = openai_client(base_url, api_key, patience_s)
        self._calls = ProviderCalls(provider_name, _CONCURRENCY, patience_s, time=time)
        self._patience_s = patience_s
        self._clock = clock
        self._takes_texts = False
        self._rests_until = 0.0

    @property
    def name(self) -> str:
        """The model, as far as one is named, and the endpoint's host."""
        return ": ".join(filter(None, [self._provider, self._model]))

    async def check(self) -> None:
        """Order one word, to raise the ``ProviderError`` that any question would meet."""
        await self._calls.run(partial(self._ask, "1", ["1"]))

    async def order(self, question: str, texts: Sequence[str]) -> Sequence[int] | None:
        if not texts or self._clock() < self._rests_until:
            return None
        try:
            async with asyncio.timeout(self._patience_s):
                return await self._calls.run(partial(self._ask, readable(question), [readable(each) for each in texts]))
        except (ProviderError, OutOfResources, TimeoutError) as exc:
            self._rests_until = self._clock() + PAUSE_S
            log.warning("not_reranked", provider=self._provider, error=getattr(exc, "code", "timeout"))
            return None

    async def close(self) -> None:
        await self._client.close()

    async def _ask(self, question: str, texts: Sequence[str]) -> list[int]:
        with openai_errors(self._provider, self._model):
            try:
                answer = await self._post(question, texts, takes_texts=self._takes_texts)
            except openai.APIStatusError as exc:
                if self._takes_texts or exc.status_code not in _MISSES_TEXTS or "texts" not in exc.response.text:
                    raise
                answer = await self._post(question, texts, takes_texts=True)
                self._takes_texts = True
            try:
                return order_of(answer.json(), len(texts))
            except ValueError as exc:
                raise ProviderInvalidAnswer(provider=self._provider, reason=str(exc)) from exc

    async def _post(self, question: str, texts: Sequence[str], *, takes_texts: bool) -> httpx2.Response:
        body: dict[str, Any] = {"query": question}
        if takes_texts:
            body |= {"texts": texts, "truncate": True}
        else:
            body |= {"documents": texts} | ({"model": self._model} if self._model else {})
        return await self._client.post("/rerank", cast_to=httpx2.Response, body=body)


def order_of(body: object, count: int) -> list[int]:
    """Return the places of all ``count`` texts by ``body``, an answer of ``/rerank``, the best first.

    Texts with the same score, and those that have none, keep their order.

    Raises:
        ValueError: ``body`` is no such answer; the message quotes nothing of it.
    """
    listed = next((body[key] for key in ("results", "data") if key in body), None) if isinstance(body, dict) else body
    try:
        scores = {each.index: each.relevance_score for each in _SCORES.validate_python(listed)}
    except ValidationError:
        raise ValueError("no list of scores") from None
    if not scores or max(scores) >= count:
        raise ValueError(f"scores of {len(scores)} texts for {count}")
    return sorted(range(count), key=lambda place: -scores.get(place, float("-inf")))
