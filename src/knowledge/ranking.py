"""How well chunks answer a question: by meaning, by its words, by the line that answers it best. Pure functions.

All figures were chosen on ``dev`` of ``tests/benchmarks/archive_set``; ``test_retrieval.py`` beside it prints what they
are worth there and on the held-out questions.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import log

import numpy as np

from embeddings.port import Float32Array
from knowledge.question_words import Word
from knowledge.search_store import Candidate

COVERAGE_WEIGHT = 0.06
"""What it adds to a cosine that a chunk has all words of the question."""
LEAST_SUPPORT = 0.30
"""Passages with less support are no answer."""
_LEAST_COVERAGE = 0.4
"""The same where only words tell: with other models."""
_E5_SMALL = "multilingual-e5-small"
_NO_ANSWER_COSINE = 0.84
"""About the cosine that the best line has for questions that have no answer, by e5-small, which bunches its scores."""
_COSINE_WEIGHT = 8.0
_ABSENT = 0.5
"""How many chunks a word counts as being in that is in none."""


@dataclass(frozen=True)
class Weights:
    """What a word of the question counts: the more, the fewer of the ``chunks`` it is in."""

    chunks: int
    counts: Mapping[str, float]

    def of(self, word: Word) -> float:
        return min((self._weight(self.counts.get(lemma, 0.0)) for lemma in word), default=0.0)

    def coverage(self, words: Sequence[Word], present: Collection[str]) -> float:
        """Return the weighted share of ``words`` that are among ``present``, 0–1; 1 when there is no word."""
        weights = [self.of(word) for word in words]
        found = sum(weight for word, weight in zip(words, weights, strict=True) if not word.isdisjoint(present))
        return found / sum(weights) if words else 1.0

    def _weight(self, count: float) -> float:
        return log(1 + max(self.chunks, 1) / max(count, _ABSENT))


@dataclass(frozen=True)
class Scored:
    """A chunk with its cosine, −1 to 1, and its coverage, 0–1; ``line`` is the place of the line that answers best."""

    chunk: Candidate
    cosine: float
    coverage: float
    line: int = 0
    line_cosine: float | None = None

    @property
    def score(self) -> float:
        closer = self.cosine if self.line_cosine is None else self.line_cosine
        return self.cosine + closer + COVERAGE_WEIGHT * self.coverage

    def is_supported(self, model: str) -> bool:
        """Tell whether the chunk says enough of what is asked that it can be an answer, by embeddings of the model."""
        if not model.startswith(_E5_SMALL) or self.line_cosine is None:
            return self.coverage >= _LEAST_COVERAGE
        return self.coverage + _COSINE_WEIGHT * (self.line_cosine - _NO_ANSWER_COSINE) >= LEAST_SUPPORT


def ranked(scored: Sequence[Scored]) -> list[Scored]:
    """Return the chunks, the best first; of equal ones the older first."""
    return sorted(scored, key=lambda each: (-each.score, each.chunk.id))


def looked_at_closely(scored: Scored, question: Float32Array, lines: Float32Array | None) -> Scored:
    """Return the chunk with the line of its ``lines`` (n, size) that is nearest to the question (size,)."""
    if lines is None or not len(lines) or lines.shape[1:] != question.shape:
        return scored
    cosines = lines @ question
    best = int(np.argmax(cosines))
    return Scored(scored.chunk, scored.cosine, scored.coverage, best, float(cosines[best]))
