"""The items of a pass with criteria: one for each criterion, whose score is known in one place.

A model scores, or names the cases that code counts over all windows of a recording and for ten questions: else a long
interview would always be worse than a short one. A score that no quote of the recording proves is None.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from datamodels import Transcript
from prompt_pack.models import Criterion, ReportPass
from reports.evidence import normal_words

Item = dict[str, Any]

SCORE, CASES = "score", "cases"
RATE, UNPROVED = "rate", "unproved"
"""What code adds: cases for ten questions, None unless counted; whether there was a score and no quote for it. It also
adds ``CASES`` where the model is not asked for them."""
_TEN = 10
_FEWEST_QUESTIONS = 3
"""With fewer questions a rate says nothing."""
_SECONDS_A_QUESTION = 60.0
_RATE_DECIMALS = 1


def questions_of(transcript: Transcript, asker: str | None) -> float:
    """Count the questions of the role ``asker``, or of everybody when nobody has it.

    Where no question mark stands, as some recognisers leave them out, a minute of the recording counts as a question.
    """
    roles = {segment.role for segment in transcript.segments}
    by = [each for each in transcript.segments if asker not in roles or each.role == asker]
    asked = sum(segment.text.count("?") for segment in by)
    return asked or transcript.duration_s / _SECONDS_A_QUESTION


def criterion_of(each: ReportPass, stated: str) -> Criterion | None:
    """Return the criterion that a model means: by its label, or by the number that the label begins with."""
    number = normal_words(stated)[:1]
    by_label = (one for one in each.criteria if one.label == stated)
    by_number = (one for one in each.criteria if number and normal_words(one.label)[:1] == number)
    return next(by_label, next(by_number, None))


def judged(each: ReportPass, items: Sequence[Mapping[str, Any]], questions: float) -> list[Item]:
    """Return an item for each criterion of the pass, in the pack's order; with nulls for one that nobody judged.

    ``items`` have known criteria and quotes that were found; there may be several for a criterion, one of each window.
    """
    assert each.criterion is not None  # noqa: S101 - only called for passes with criteria
    return [
        _united(each, one, [item for item in items if item[each.criterion] == one.label], questions)
        for one in each.criteria
    ]


def _united(each: ReportPass, criterion: Criterion, items: Sequence[Mapping[str, Any]], questions: float) -> Item:
    united: Item = {name: _together([item.get(name) for item in items]) for name in each.fields}
    united[str(each.quotes)] = united[str(each.quotes)] or []
    united[str(each.criterion)] = criterion.label
    if criterion.per_ten:
        score, rate, unproved = _counted(each, criterion, items, questions)
    else:
        score, rate, unproved = _scored(each, criterion, items)
    cases = _sum([item.get(CASES) for item in items]) if criterion.per_ten else None
    return {**united, CASES: cases, SCORE: score, RATE: rate, UNPROVED: unproved}


def _scored(
    each: ReportPass, criterion: Criterion, items: Sequence[Mapping[str, Any]]
) -> tuple[float | None, None, bool]:
    """Return the mean of the scores that quotes prove, else of those that need none."""
    scored = [item for item in items if item[SCORE] is not None]
    proved = [item[SCORE] for item in scored if item[str(each.quotes)]]
    counting = proved or [item[SCORE] for item in scored if item[SCORE] == criterion.unquoted]
    return _mean(counting), None, bool(scored) and not counting


def _counted(
    each: ReportPass, criterion: Criterion, items: Sequence[Mapping[str, Any]], questions: float
) -> tuple[float | None, float | None, bool]:
    """Score by the cases for ten questions; None when there are too few questions, or cases without any quote."""
    cases = _sum([item.get(CASES) for item in items])
    unproved = bool(cases) and not any(item[str(each.quotes)] for item in items if item.get(CASES))
    if cases is None or unproved or questions < _FEWEST_QUESTIONS:
        return None, None, unproved
    rate = round(cases * _TEN / questions, _RATE_DECIMALS)
    return round(next((score for most, score in criterion.per_ten if rate <= most), 0)), rate, False


def _together(values: Sequence[Any]) -> Any:
    """Unite the values of a field: lists without repetitions, texts one behind another, of numbers the first."""
    known = [value for value in values if value is not None]
    if known and isinstance(known[0], list):
        return list({str(value): value for listed in known for value in listed}.values())
    if known and isinstance(known[0], str):
        return " ".join(dict.fromkeys(known))
    return known[0] if known else None


def _sum(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _mean(values: Sequence[float]) -> float | None:
    return round(sum(values) / len(values)) if values else None
