"""Scores of retrieval: what was retrieved for a question, in its order, against all the places that answer it."""

from collections.abc import Sequence
from math import log2

import numpy as np

from datamodels import Value

DEPTH_OF_NDCG = 10
CUTS = (1, 5, 20)
SEED = 13
RESAMPLES = 2000
CONFIDENCE = 0.95


class Span(Value):
    """A half-open stretch of a source: seconds of a recording, or sections of a report or document."""

    source: str
    start: float
    end: float


class QuestionScores(Value):
    """The scores of one question, each from 0 to 1.

    ``recall`` is, for each cut k of ``CUTS``, the share of gold places among the first k spans, of as many as could be
    there: of min(k, number of gold places). ``reciprocal_rank`` is 1 / the rank of the first span that covers one.
    """

    recall: tuple[float, ...]
    reciprocal_rank: float
    ndcg: float


class Estimate(Value):
    """A mean over questions with its percentile-bootstrap interval."""

    mean: float
    low: float
    high: float


class ClassScores(Value):
    """The means over a class of questions; ``recall`` is in the order of ``CUTS``."""

    questions: int
    recall: tuple[Estimate, ...]
    mrr: Estimate
    ndcg: Estimate


def covers(retrieved: Span, gold: Span) -> bool:
    """Tell whether the spans share at least half of the shorter one: a chunk may cut a gold place, or lie within it."""
    if retrieved.source != gold.source:
        return False
    shared = min(retrieved.end, gold.end) - max(retrieved.start, gold.start)
    return shared > 0 and shared >= min(retrieved.end - retrieved.start, gold.end - gold.start) / 2


def score(retrieved: Sequence[Span], gold: Sequence[Span]) -> QuestionScores:
    """Score the spans that were retrieved for one question, the best first.

    A gold place counts once, at the first span that covers it. nDCG@10 gains 1 for each; a span that covers several
    has more than the ideal list has at its rank, so that the ratio is held at 1.

    Raises:
        ValueError: there is no gold place; unanswerable questions have no such scores.
    """
    if not gold:
        raise ValueError("no gold place")
    ranks = [_rank(retrieved, place) for place in gold]
    found = [rank for rank in ranks if rank is not None]
    gained = sum(1 / log2(rank + 1) for rank in found if rank <= DEPTH_OF_NDCG)
    ideal = sum(1 / log2(rank + 1) for rank in range(1, min(len(gold), DEPTH_OF_NDCG) + 1))
    return QuestionScores(
        recall=tuple(min(1.0, sum(rank <= cut for rank in found) / min(cut, len(gold))) for cut in CUTS),
        reciprocal_rank=1 / min(found) if found else 0.0,
        ndcg=min(1.0, gained / ideal),
    )


def _rank(retrieved: Sequence[Span], place: Span) -> int | None:
    return next((rank for rank, span in enumerate(retrieved, 1) if covers(span, place)), None)


def estimate(values: Sequence[float]) -> Estimate:
    """Return the mean of at least one value with its 95 % interval, the same at every call."""
    sample = np.asarray(values, dtype=np.float64)
    chosen = np.random.default_rng(SEED).integers(0, len(sample), size=(RESAMPLES, len(sample)))
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(sample[chosen].mean(axis=1), [tail, 1 - tail])
    return Estimate(mean=float(sample.mean()), low=float(low), high=float(high))


def summarize(scores: Sequence[QuestionScores]) -> ClassScores:
    """Return the means over the questions of a class, of which there is at least one."""
    return ClassScores(
        questions=len(scores),
        recall=tuple(estimate([each.recall[place] for each in scores]) for place in range(len(CUTS))),
        mrr=estimate([each.reciprocal_rank for each in scores]),
        ndcg=estimate([each.ndcg for each in scores]),
    )
