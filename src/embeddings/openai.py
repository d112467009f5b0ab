"""Embeddings behind any OpenAI-compatible endpoint: OpenAI, text-embeddings-inference, vLLM, Ollama and others."""

import re
from collections.abc import Sequence
from functools import partial

import httpx2
import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from embeddings.port import Float32Array, readable, unit_vectors
from errors import ProviderInvalidAnswer
from outcomes import Purpose
from provider_calls.openai import openai_client, openai_errors
from provider_calls.policy import ProviderCalls, Time

AT_ONCE = 10
"""The most texts in a request: Alibaba Cloud's text-embedding-v4 refuses more than this, text-embeddings-inference more
than 32 (its ``--max-client-batch-size``), OpenAI more than 2048."""

_E5 = re.compile(r"(?<![a-z0-9])e5(?![a-z0-9])(?!.*instruct)", re.IGNORECASE)
"""Names of E5 models, except instructed ones. E5 models were trained with a prefix on each text, "query: " or
"passage: ", which servers do not add. Other models would take the prefix for a part of the text, and instructed E5
models expect another prefix."""


class _Vector(BaseModel):
    model_config = ConfigDict(strict=True)

    index: int
    embedding: list[float]


class _Answer(BaseModel):
    data: list[_Vector]


class OpenAIEmbeddings:
    """``Embeddings`` over ``/embeddings``; the requests of a call follow one another."""

    def __init__(
        self,
        base_url: str,
        api_key: str,
        model: str,
        provider_name: str,
        concurrency: int,
        timeout_s: float,
        *,
        time: Time | None = None,
    ) -> None:
        self._name = model
        self._provider = provider_name
        self._client = openai_client(base_url, api_key, timeout_s)
        self._calls = ProviderCalls(provider_name, concurrency, timeout_s, purpose=Purpose.EMBEDDINGS, time=time)
        self._before_question, self._before_passage = ("query: ", "passage: ") if _E5.search(model) else ("", "")
        self._size = 0

    @property
    def model(self) -> str:
        """The model's name and the endpoint's address.

        At another address the same name can mean other weights, and llama.cpp accepts any name.
        """
        return f"{self._name}@{self._provider.rpartition('@')[2]}"

    @property
    def size(self) -> int:
        return self._size

    async def embed_questions(self, texts: Sequence[str]) -> Float32Array:
        return await self._embed(texts, self._before_question)

    async def embed_passages(self, texts: Sequence[str]) -> Float32Array:
        return await self._embed(texts, self._before_passage)

    async def check(self) -> None:
        await self.embed_questions(["1"])

    async def close(self) -> None:
        await self._client.close()

    async def _embed(self, texts: Sequence[str], before: str) -> Float32Array:
        inputs = [before + readable(text) for text in texts]
        vectors: list[Float32Array] = []
        for first in range(0, len(inputs), AT_ONCE):
            some = inputs[first : first + AT_ONCE]
            vectors.append(await self._calls.run(partial(self._ask, some)))
        return np.concatenate(vectors) if vectors else np.zeros((0, self._size), dtype=np.float32)

    async def _ask(self, inputs: Sequence[str]) -> Float32Array:
        with openai_errors(self._provider, self._name):
            body = {"model": self._name, "input": inputs}
            response = await self._client.post("/embeddings", cast_to=httpx2.Response, body=body)
            try:
                vectors = vectors_of(response.json(), len(inputs))
            except ValueError as exc:
                raise ProviderInvalidAnswer(provider=self._provider, reason=str(exc)) from exc
        size = vectors.shape[1]
        if self._size not in {0, size}:
            reason = f"vectors of {size} numbers after vectors of {self._size}"
            raise ProviderInvalidAnswer(provider=self._provider, reason=reason)
        self._size = size
        return vectors


def vectors_of(body: object, count: int) -> Float32Array:
    """Return the ``count`` unit vectors of ``body``, an answer of ``/embeddings``, in the order of the request.

    Raises:
        ValueError: ``body`` is no such answer, or a vector has no direction; the message quotes nothing of ``body``.
    """
    try:
        answers = sorted(_Answer.model_validate(body).data, key=lambda vector: vector.index)
    except ValidationError:
        raise ValueError("no list of embeddings of numbers") from None
    if [answer.index for answer in answers] != list(range(count)):
        raise ValueError(f"{len(answers)} embeddings for {count} texts")
    sizes = {len(answer.embedding) for answer in answers}
    if len(sizes) != 1 or 0 in sizes:
        raise ValueError("embeddings of different sizes")
    with np.errstate(over="ignore"):  # what is too large for float32 becomes infinite, and is refused as such
        vectors = np.array([answer.embedding for answer in answers], dtype=np.float32)
    return unit_vectors(vectors)
