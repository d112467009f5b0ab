"""The indices of a report: the scores that the model gave, and the means, counts and bands that code computes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from datamodels import IndexValue
from prompt_pack.models import IndexLine, ReportIndices
from prompt_pack.templates import EarlierPass

Number = float | int
IndexResult = float | int | str | None

_DECIMALS = 1
_HIDDEN = "_"


def compute_indices(
    indices: ReportIndices, answer: Mapping[str, Any] | None, passes: Mapping[str, EarlierPass]
) -> tuple[IndexValue, ...]:
    """Compute the table in the pack's order, without the names that begin with ``_``.

    ``answer`` is valid by the indices' schema; without it, the values that depend on it are left out. A value is None
    where the recording gives no data.
    """
    known: dict[str, IndexResult] = {}
    shown: list[IndexValue] = []
    for line in indices.lines:
        for name, label, value in _values(line, answer, passes, known):
            known[name] = value
            if not name.startswith(_HIDDEN):
                shown.append(IndexValue(name=name, label=label, value=value))
    return tuple(shown)


def _values(
    line: IndexLine,
    answer: Mapping[str, Any] | None,
    passes: Mapping[str, EarlierPass],
    known: Mapping[str, IndexResult],
) -> Sequence[tuple[str, str, IndexResult]]:
    rule = line.rule
    if rule.count or rule.missing:
        return _counts(line, passes)
    if rule.field:
        values = [] if answer is None else [_field(answer, rule.field)]
    elif rule.mean:
        values = [_mean([known[name] for name in rule.mean if name in known])] if set(rule.mean) & set(known) else []
    else:
        values = [_band(known[str(rule.bands)], rule.steps or ())] if rule.bands in known else []
    return [(rule.name, rule.label, value) for value in values]


def _field(answer: Mapping[str, Any], path: str) -> IndexResult:
    value: Any = answer
    for name in path.split("."):
        value = value[name] if value is not None else None
    result: IndexResult = value
    return result


def _mean(values: Sequence[IndexResult]) -> Number | None:
    numbers = [value for value in values if isinstance(value, int | float)]
    return round(sum(numbers) / len(numbers), _DECIMALS) if numbers else None


def _band(value: IndexResult, steps: Sequence[tuple[float, str]]) -> str | None:
    if not isinstance(value, int | float):
        return None
    return next((label for threshold, label in steps if value >= threshold), None)


def _counts(line: IndexLine, passes: Mapping[str, EarlierPass]) -> list[tuple[str, str, IndexResult]]:
    rule = line.rule
    counted: list[Any] = []
    for each in line.passes:
        counted.extend(passes[each].missing if rule.missing else passes[each].items)
    if line.groups is None or rule.by is None:
        return [(rule.name, rule.label, len(counted))]
    by = rule.by
    groups = Counter(str(each[by] if isinstance(each, Mapping) else getattr(each, by)) for each in counted)
    names_and_labels = zip(line.names, line.groups, strict=True)
    return [(name, rule.label_of(label), groups[value]) for name, (value, label) in names_and_labels]
