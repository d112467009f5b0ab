"""How well chunks answer a question: by meaning, by its words, by the line that answers it best. Pure functions.

All figures were chosen on ``dev`` of ``tests/benchmarks/archive_set``; ``test_retrieval.py`` beside it prints what they
are worth there and on the held-out questions.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import log

import numpy as np

from datamodels_search import Corpus
from embeddings.port import Float32Array
from knowledge.lines import lines_of, turns_of_lines
from knowledge.question_words import Word, synonyms_of
from knowledge.search_store import Candidate
from text_cleaning import folded

COVERAGE_WEIGHT = 0.06
"""What it adds to a cosine that a chunk or a line has all words of the question."""
_SYNONYM_WEIGHT = 0.7
"""What a synonym counts beside the word itself. That a chunk is an answer only the words themselves tell."""
_LEAST_SUPPORT = 0.30
"""When no chunk has as much support there is no answer."""
_LEAST_COVERAGE = 0.4
"""The same where only words tell: with other models."""
_BESIDE = 0.3
"""So much less support a chunk may have beside one that answers."""
_E5_SMALL = "multilingual-e5-small"
_NO_ANSWER_COSINE = 0.84
"""About the cosine that the best line has for questions that have no answer, by e5-small, which bunches its scores."""
_COSINE_WEIGHT = 8.0
_FEWEST_LETTERS = 3
_ENDING = 2
"""Letters of a lemma that other forms of the word may not have."""
_REFLEXIVE = "ся"
_WORD = re.compile(r"\w+")
_ABSENT = 0.5
"""How many chunks a word counts as being in that is in none."""


@dataclass(frozen=True)
class Weights:
    """What a word of the question counts: the more, the fewer of the ``chunks`` it is in."""

    chunks: int
    counts: Mapping[str, float]

    def of(self, word: Word) -> float:
        return min((self._weight(self.counts.get(lemma, 0.0)) for lemma in word), default=0.0)

    def coverage(
        self, words: Sequence[Word], present: Collection[str], *, by_synonym: float = _SYNONYM_WEIGHT
    ) -> float:
        """Return the weighted share of ``words`` that are among ``present``, 0–1; 1 when there is no word.

        A word of which only a synonym is there counts ``by_synonym``, and no more than that synonym would.
        """
        weights = [self.of(word) for word in words]
        found = 0.0
        for word, weight in zip(words, weights, strict=True):
            if not word.isdisjoint(present):
                found += weight
            elif by_synonym and (others := synonyms_of(word).intersection(present)):
                found += by_synonym * min(weight, self._most(others))
        return found / sum(weights) if words else 1.0

    def _most(self, lemmas: Collection[str]) -> float:
        return max(self._weight(self.counts.get(lemma, 0.0)) for lemma in lemmas)

    def _weight(self, count: float) -> float:
        return log(1 + max(self.chunks, 1) / max(count, _ABSENT))


@dataclass(frozen=True)
class Scored:
    """A chunk with its cosine, −1 to 1, and its coverage, 0–1: ``literal`` is that without synonyms.

    ``line`` is the place of the line that answers best, by its cosine and coverage together, its ``line_score``, which
    is None until the chunk was looked at closely. ``line_cosine`` is that of the line nearest to the question.
    """

    chunk: Candidate
    cosine: float
    coverage: float
    literal: float = 0.0
    line: int = 0
    line_score: float | None = None
    line_cosine: float = 0.0

    @property
    def score(self) -> float:
        whole = self.cosine + COVERAGE_WEIGHT * self.coverage
        return whole + (whole if self.line_score is None else self.line_score)

    def support(self, model: str) -> float:
        """Return how much the chunk says of what is asked, by the model's embeddings; from 0 on it can be an answer."""
        if not model.startswith(_E5_SMALL) or self.line_score is None:
            return self.literal - _LEAST_COVERAGE
        return self.literal + _COSINE_WEIGHT * (self.line_cosine - _NO_ANSWER_COSINE) - _LEAST_SUPPORT


def ranked(scored: Sequence[Scored]) -> list[Scored]:
    """Return the chunks, the best first; of equal ones the older first."""
    return sorted(scored, key=lambda each: (-each.score, each.chunk.id))


def answering(found: Sequence[Scored], model: str) -> list[Scored]:
    """Return the chunks that answer, in their order; none when the best supported of them says too little."""
    supports = [each.support(model) for each in found]
    if max(supports, default=-1.0) < 0:
        return []
    return [each for each, support in zip(found, supports, strict=True) if support >= -_BESIDE]


def looked_at_closely(
    scored: Scored,
    question: Float32Array,
    lines: Float32Array | None,
    words: Sequence[Word],
    weights: Weights,
    said_by: Callable[[str], bool] | None = None,
) -> Scored:
    """Return the chunk with its line that answers a question (size,) best.

    ``lines`` (n, size) are the vectors of its lines; those of turns that are not ``said_by`` whom the question asks for
    do not count, nor does a question with which a chunk of a transcript ends: what is said to it begins the next chunk.
    The words of the question are known by their beginnings here.
    """
    texts = lines_of(scored.chunk.text)
    if lines is None or lines.shape != (len(texts), *question.shape):
        return scored
    counts = np.array([said_by is None or said_by(turn) for turn in turns_of_lines(scored.chunk.text)])
    if scored.chunk.corpus is Corpus.TRANSCRIPT and len(texts) > 1 and texts[-1].endswith("?"):
        counts[-1] = False
    if not counts.any():
        return scored
    cosines = np.where(counts, lines @ question, -1.0)
    scores = [
        float(cosine) + COVERAGE_WEIGHT * weights.coverage(words, present)
        for cosine, present in zip(cosines, _beginning_alike(words, texts), strict=True)
    ]
    best = int(np.argmax(scores))
    return replace(scored, line=best, line_score=scores[best], line_cosine=float(cosines.max()))


def _beginning_alike(words: Sequence[Word], texts: Sequence[str]) -> Iterator[set[str]]:
    """Yield for each text those lemmas of ``words`` and synonyms with which a word of it begins, but for an ending."""
    wanted = {lemma for word in words for lemma in word | synonyms_of(word)}
    beginnings = {lemma: _beginning(lemma) for lemma in wanted}
    for text in texts:
        written = _WORD.findall(folded(text))
        there = {word[:length] for word in written for length in range(1, len(word) + 1)}
        yield {lemma for lemma, beginning in beginnings.items() if beginning in there}


def _beginning(lemma: str) -> str:
    stem = lemma.removesuffix(_REFLEXIVE)
    return stem[: max(_FEWEST_LETTERS, len(stem) - _ENDING)]
