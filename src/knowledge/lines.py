"""The lines of a chunk: what one speaker says in a few sentences. Each has a vector, and the chunk's is made of these.

A chunk is found by the mean of its lines and its context; which of its lines answers a question, and whether one does,
is told by the lines alone. Texts of one line are nearer to a question than texts of a page.
"""

import re
from collections.abc import Iterator, Sequence

import numpy as np

from embeddings.port import Float32Array, unit_vectors

LONGEST_LINE = 300
"""Characters; only a single longer sentence has more."""
_CONTEXT_WEIGHT = 0.5
"""How much the context counts beside the mean of the lines (chosen on ``dev`` of the archive set)."""
_SENTENCE = re.compile(r"(?<=[.!?…])\s+")
LABEL = re.compile(r"\A([^\W\d_]+)(?: \d+)?: ")
"""A speaker with a role or a number. A label of more words stays, since a sentence may begin like it."""


def lines_of(text: str) -> list[str]:
    """Return the lines of a chunk's text, without the labels of speakers. A text without letters has one, too."""
    return [line for _, line in _lines(text)]


def turns_of_lines(text: str) -> list[str]:
    """Return for each of ``lines_of`` the turn or paragraph that it is from, with its label."""
    return [turn for turn, _ in _lines(text)]


def _lines(text: str) -> list[tuple[str, str]]:
    lines = [(turn, line) for turn in text.splitlines() for line in _cut(LABEL.sub("", turn, count=1).strip("# "))]
    return lines or [(text, text)]


def _cut(turn: str) -> Iterator[str]:
    line = ""
    for sentence in _SENTENCE.split(turn):
        if line and len(line) + len(sentence) >= LONGEST_LINE:
            yield line
            line = ""
        line = f"{line} {sentence}".strip()
    if line:
        yield line


def chunk_vector(lines: Sequence[str], vectors: Float32Array, context: Float32Array) -> Float32Array:
    """Return the unit vector (size,) of a chunk out of those of its lines (n, size) and of its context (size,)."""
    lengths = np.array([len(line) for line in lines], dtype=np.float32)
    mean = (lengths @ vectors) / max(float(lengths.sum()), 1.0)
    vector: Float32Array = unit_vectors((mean + _CONTEXT_WEIGHT * context)[None, :])[0]
    return vector
