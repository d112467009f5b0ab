"""The port of the vector index: which chunks are nearest to a question, among those that may be found."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from db import Connection
from embeddings.port import Float32Array
from knowledge.values import Allowed, ChunkId, Neighbour

Float16Array = NDArray[np.float16]
Int64Array = NDArray[np.int64]


@dataclass(frozen=True)
class Entries:
    """Unit vectors (n, size) in float16, with the chunks that they stand for and the sources of these, (n,) each."""

    chunks: Int64Array
    sources: Int64Array
    vectors: Float16Array

    def __len__(self) -> int:
        return len(self.chunks)


class VectorIndex(Protocol):
    """The vectors of chunks by one model. The search is exact: it finds what comparing with every vector would find.

    The database has all vectors, each with a version; an index follows it. Its methods but ``search`` are called one
    after another.

    Raises:
        DatabaseUnavailable: an index in the database cannot be reached.
    """

    async def begin(self, connection: Connection) -> int:
        """Make the index ready, and forget chunks that the database has no more.

        Returns the version up to which the index has every vector: 0 for an empty index.
        """
        ...

    async def add(self, entries: Entries, version: int) -> None:
        """Add the entries, after which the index has every vector up to ``version``.

        A chunk that is there already keeps its vector: chunks never change.
        """
        ...

    async def remove(self, chunks: Collection[ChunkId]) -> None:
        """Remove the vectors of these chunks; those that are not there do not matter."""
        ...

    async def keep(self) -> None:
        """Write down what would be lost with the process. Failures are only logged."""
        ...

    async def drop(self) -> None:
        """Remove everything: the model is not in use any more."""
        ...

    async def search(self, question: Float32Array, allowed: Allowed, k: int) -> Sequence[Neighbour]:
        """Return the ``k`` chunks of allowed sources nearest to a unit vector (size,), the nearest first.

        The question is rounded to float16, as the vectors are. Of equally near chunks the one with the lower id comes
        first. A vector of another size is near to nothing.
        """
        ...
