"""The vector index in this process's memory: 784 bytes for a chunk with a vector of 384 numbers.

Every search compares the question with all allowed vectors. float16 halves the memory; the processor has no arithmetic
for it, and numpy converts number by number. Here two operations on whole blocks put the bits of a float16 where a
float32 has them, which leaves a number 2**112 times too small: the question is made so much larger before.
"""

import asyncio
import threading
from collections.abc import Collection, Sequence

import numpy as np
import structlog
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from db import Connection
from embeddings.port import Float32Array
from errors import OutOfResources
from knowledge import vectors_store
from knowledge.index_cache import Cached, IndexCache
from knowledge.values import Allowed, ChunkId, ModelId, Neighbour
from knowledge.vector_index import Entries, Float16Array, Int64Array

log = structlog.get_logger(__name__)

_BLOCK_ROWS = 4096
"""Rows that are allocated at once: so much more memory than needed is held at most."""
_ROWS_AT_ONCE = 512
"""Rows that are converted at once: they stay in the processor's cache."""
_SHIFT = 13
"""A float32 has 13 more bits of fraction than a float16."""
_KEPT_BITS = np.int32(-0x7000_2000)
"""The sign and the 15 bits after it that are a float16's own; between them the shift has put copies of the sign."""
_SCALE = np.float32(2.0**112)
"""The biases of the exponents differ by 127 - 15."""


class MemoryIndex:
    """``VectorIndex`` over blocks of memory, kept in the file ``cache``. Searches and changes take turns."""

    def __init__(self, model: ModelId, cache: IndexCache) -> None:
        # More threads of BLAS would spin where other engines work.
        threadpool_limits(limits=1, user_api="blas")
        self._model = model
        self._cache = cache
        self._lock = threading.Lock()
        self._empty()
        self._version = 0
        self._is_kept = True

    def _empty(self) -> None:
        self._size, self._count = 0, 0
        self._chunks = np.zeros(0, dtype=np.int64)
        self._sources = np.zeros(0, dtype=np.int64)
        self._blocks: list[Float16Array] = []

    def __len__(self) -> int:
        return self._count

    async def begin(self, connection: Connection) -> int:
        cached = await asyncio.to_thread(self._cache.load)
        if cached is None:
            return 0
        there, last = await vectors_store.made_up_to(connection, self._model, cached.version)
        await asyncio.to_thread(self._take, cached, there, last)
        return self._version

    async def add(self, entries: Entries, version: int) -> None:
        await asyncio.to_thread(self._add, entries)
        self._version, self._is_kept = version, False

    async def remove(self, chunks: Collection[ChunkId]) -> None:
        await asyncio.to_thread(self._remove, np.fromiter(chunks, dtype=np.int64, count=len(chunks)))
        # At once: the vector of a deleted text is not to lie about until the file is written anew.
        await asyncio.to_thread(self._cache.forget)
        self._is_kept = False

    async def keep(self) -> None:
        if self._is_kept:
            return
        try:
            await asyncio.to_thread(lambda: self._cache.save(Cached(self._entries(), self._version)))
        except (OSError, OutOfResources) as exc:
            log.warning("index_not_cached", reason=type(exc).__name__)
        self._is_kept = True

    async def drop(self) -> None:
        await asyncio.to_thread(self._cache.forget)
        with self._lock:
            self._empty()

    async def search(self, question: Float32Array, allowed: Allowed, k: int) -> Sequence[Neighbour]:
        return await asyncio.to_thread(self._search, question, np.asarray(allowed, dtype=np.int64), k)

    def _take(self, cached: Cached, there: Sequence[ChunkId], last: int) -> None:
        """Take what is in the file and in the database; nothing when the file lacks something, or is from elsewhere."""
        known = np.asarray(there, dtype=np.int64)
        if cached.version > last or not np.isin(known, cached.entries.chunks).all():
            return
        self._add(cached.entries)
        self._remove(np.setdiff1d(cached.entries.chunks, known))
        self._version = cached.version

    def _add(self, entries: Entries) -> None:
        with self._lock:
            if not self._count:
                self._empty()
                self._size = entries.vectors.shape[1]
            new = np.flatnonzero(~np.isin(entries.chunks, self._chunks[: self._count]))
            end = self._count + len(new)
            self._make_room(end)
            self._chunks[self._count : end] = entries.chunks[new]
            self._sources[self._count : end] = entries.sources[new]
            for row, vector in zip(range(self._count, end), entries.vectors[new], strict=True):
                self._blocks[row // _BLOCK_ROWS][row % _BLOCK_ROWS] = vector
            self._count = end

    def _entries(self) -> Entries:
        with self._lock:
            vectors = np.zeros((self._count, self._size), dtype=np.float16)
            for at in range(0, self._count, _BLOCK_ROWS):
                rows = vectors[at : at + _BLOCK_ROWS]
                rows[:] = self._blocks[at // _BLOCK_ROWS][: len(rows)]
            return Entries(self._chunks[: self._count].copy(), self._sources[: self._count].copy(), vectors)

    def _make_room(self, rows: int) -> None:
        missing = -(-rows // _BLOCK_ROWS) - len(self._blocks)
        if missing > 0:
            self._blocks += [np.zeros((_BLOCK_ROWS, self._size), dtype=np.float16) for _ in range(missing)]
            more = np.zeros(missing * _BLOCK_ROWS, dtype=np.int64)
            self._chunks, self._sources = np.append(self._chunks, more), np.append(self._sources, more)

    def _remove(self, chunks: Int64Array) -> None:
        """Put the last rows into the places of those that are removed."""
        with self._lock:
            gone = np.flatnonzero(np.isin(self._chunks[: self._count], chunks))
            for row in gone[::-1]:
                last = self._count - 1
                self._chunks[row], self._sources[row] = self._chunks[last], self._sources[last]
                last_vector = self._blocks[last // _BLOCK_ROWS][last % _BLOCK_ROWS]
                self._blocks[row // _BLOCK_ROWS][row % _BLOCK_ROWS] = last_vector
                self._count = last
            del self._blocks[-(-self._count // _BLOCK_ROWS) :]
            rows = len(self._blocks) * _BLOCK_ROWS
            self._chunks, self._sources = self._chunks[:rows].copy(), self._sources[:rows].copy()

    def _search(self, question: Float32Array, allowed: Int64Array, k: int) -> list[Neighbour]:
        with self._lock:
            if question.shape != (self._size,):
                return []
            rows = np.flatnonzero(np.isin(self._sources[: self._count], allowed))
            scores = self._scores(question.astype(np.float16).astype(np.float32), rows)
            chunks = self._chunks[rows]
        nearest = np.arange(len(rows)) if len(rows) <= k else _at_least(scores, k)
        ordered = nearest[np.lexsort((chunks[nearest], -scores[nearest]))][:k]
        return [Neighbour(ChunkId(int(chunks[each])), float(scores[each])) for each in ordered]

    def _scores(self, question: Float32Array, rows: Int64Array) -> Float32Array:
        scaled = question * _SCALE
        scores = np.zeros(len(rows), dtype=np.float32)
        wide = np.empty((_ROWS_AT_ONCE, self._size), dtype=np.int32)
        for at in range(0, len(rows), _ROWS_AT_ONCE):
            some = rows[at : at + _ROWS_AT_ONCE]
            bits = self._bits_of(some)
            converted = wide[: len(some)]
            np.left_shift(bits, _SHIFT, out=converted, dtype=np.int32)
            np.bitwise_and(converted, _KEPT_BITS, out=converted)
            np.dot(converted.view(np.float32), scaled, out=scores[at : at + len(some)])
        return scores

    def _bits_of(self, rows: Int64Array) -> NDArray[np.int16]:
        """Return the float16 numbers of these rows as the integers that have the same bits."""
        first, last = int(rows[0]), int(rows[-1])
        block = self._blocks[first // _BLOCK_ROWS]
        if first // _BLOCK_ROWS == last // _BLOCK_ROWS:
            if last - first == len(rows) - 1:  # neighbours need not be copied
                at = first % _BLOCK_ROWS
                return block[at : at + len(rows)].view(np.int16)
            return block[rows % _BLOCK_ROWS].view(np.int16)
        split = int(np.searchsorted(rows, (first // _BLOCK_ROWS + 1) * _BLOCK_ROWS))
        return np.concatenate([self._bits_of(rows[:split]), self._bits_of(rows[split:])])


def _at_least(scores: Float32Array, k: int) -> NDArray[np.intp]:
    """Return where the ``k`` highest scores are, and all that equal the lowest of these."""
    kth = np.partition(scores, len(scores) - k)[len(scores) - k]
    return np.flatnonzero(scores >= kth)
