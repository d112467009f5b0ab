"""The port of text embeddings, and how every engine gets its texts ready."""

import re
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Float32Array = NDArray[np.float32]

LONGEST_CHARS = 4000
"""The most characters of a text that are embedded. That is a long message of Telegram, or about a thousand tokens of
Russian. OpenAI's models and bge-m3 take eight times as many, but vectors of longer texts are too much alike."""

_NO_TEXT = "-"
_UNSENDABLE = re.compile(r"[\x00\ud800-\udfff]")


class Embeddings(Protocol):
    """Turns texts into unit vectors; a question and the passages that answer it are near each other.

    Any string is accepted: characters that no engine can read are left out, a text is cut at ``LONGEST_CHARS``, and a
    text without words gets a meaningless vector. Callers may hold a processor of ``JobContext``, but need not.

    Both ``embed_`` methods return an array with a row of ``size`` numbers for each text, and raise:
        ProviderError: the engine failed; for an endpoint, after the retries of ``provider_calls``.
        EngineFailed: the engine on this machine does not start.
    """

    @property
    def model(self) -> str:
        """The name of the model, with its engine or address. Vectors of different models are not compared."""
        ...

    @property
    def size(self) -> int:
        """How many numbers a vector has. For an endpoint, 0 until its first answer, and constant from then on."""
        ...

    async def embed_questions(self, texts: Sequence[str]) -> Float32Array: ...

    async def embed_passages(self, texts: Sequence[str]) -> Float32Array: ...

    async def check(self) -> None:
        """Embed one word, to raise the error that any text would meet."""
        ...

    async def close(self) -> None: ...


def readable(text: str) -> str:
    """Return ``text`` as every engine can take it: not empty, not too long, without NUL and without surrogates.

    C ends a string at NUL, UTF-8 has no surrogates, and OpenAI refuses an empty text.
    """
    return _UNSENDABLE.sub(" ", text[:LONGEST_CHARS]).strip() or _NO_TEXT


def unit_vectors(vectors: Float32Array) -> Float32Array:
    """Return ``vectors`` (n, size), each scaled to length 1.

    Raises:
        ValueError: a vector has no direction: it is zero, or a number in it is not finite.
    """
    # In double precision, and scaled first: the square of a large float32 does not fit into a float32.
    wide = vectors.astype(np.float64)
    lengths = np.linalg.norm(wide, axis=1, keepdims=True)
    if not np.isfinite(lengths).all() or not lengths.all():
        raise ValueError("a vector without a direction")
    return np.asarray(wide / lengths, dtype=np.float32)
