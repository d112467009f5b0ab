"""The indices of a report: the scores that the model gave, and the means, counts and bands that code computes."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import texts.reports
from datamodels import IndexValue
from prompt_pack.models import IndexLine, ReportIndices
from prompt_pack.templates import EarlierPass
from reports.criteria import SCORE, UNPROVED
from reports.evidence import normal_words

Number = float | int
IndexResult = float | int | str | None

_DECIMALS = 1
_HIDDEN = "_"


class Indices(NamedTuple):
    """The table, and for people the reasons why values in it are None although there was something to compute."""

    values: tuple[IndexValue, ...]
    reasons: tuple[str, ...]


class ReportIndex:
    """Computes the table of a report.

    ``answer`` is valid by the indices' schema; without it, the values that depend on it are left out. ``quotes`` are
    those that were found in the recording, as they stand in ``text``, which the scores are about.
    """

    def __init__(
        self, indices: ReportIndices, passes: Mapping[str, EarlierPass], text: str, quotes: Collection[str]
    ) -> None:
        self._lines = indices.lines
        self._passes = passes
        titles = [line.rule.quoted for line in indices.lines if line.rule.quoted]
        self._quoted = quoted_criteria(text, titles, quotes)
        self._known: dict[str, IndexResult] = {}
        self._too_few: list[str] = []
        self._unproved: list[str] = []
        self._incomplete = False

    def compute(self, answer: Mapping[str, Any] | None) -> Indices:
        """Compute the table in the pack's order, without the names that begin with ``_``.

        A value is None where the recording gives no data: nothing to judge by, no evidence for a score that needs it,
        a pass with a gap, less than half of the parts of a mean.
        """
        shown: list[IndexValue] = []
        for line in self._lines:
            for name, label, value in self._values(line, answer):
                self._known[name] = value
                if not name.startswith(_HIDDEN):
                    shown.append(IndexValue(name=name, label=label, value=value))
        reasons = [
            (texts.reports.GAP_REASON, self._incomplete),
            (texts.reports.WITHOUT_EVIDENCE.format(labels="; ".join(self._unproved)), self._unproved),
            (texts.reports.TOO_FEW_PARTS.format(labels="; ".join(self._too_few)), self._too_few),
        ]
        return Indices(tuple(shown), tuple(reason for reason, applies in reasons if applies))

    def _values(self, line: IndexLine, answer: Mapping[str, Any] | None) -> Sequence[tuple[str, str, IndexResult]]:
        rule, known = line.rule, self._known
        if rule.count or rule.of_taxonomy:
            return self._counts(line)
        if rule.score:
            values = [self._judged(line)]
        elif rule.field:
            values = [] if answer is None else [self._score(line, _field(answer, rule.field))]
        elif rule.mean:
            values = [self._mean(line)] if set(rule.mean) & set(known) else []
        else:
            values = [_band(known[str(rule.bands)], rule.steps or ())] if rule.bands in known else []
        return [(rule.name, rule.label, value) for value in values]

    def _judged(self, line: IndexLine) -> IndexResult:
        """Return the score that the pass gave to a criterion."""
        [name] = line.passes
        judged = next((each for each in self._passes[name].items if line.rule.of in each.values()), {})
        if judged.get(UNPROVED):
            self._unproved.append(line.rule.label)
        score: IndexResult = judged.get(SCORE)
        self._incomplete = self._incomplete or (score is None and self._passes[name].incomplete)
        return score

    def _score(self, line: IndexLine, value: IndexResult) -> IndexResult:
        rule = line.rule
        if value is None or rule.quoted is None or rule.quoted in self._quoted or value == rule.unquoted:
            return value
        self._unproved.append(rule.label)
        return None

    def _mean(self, line: IndexLine) -> Number | None:
        parts = [self._known[name] for name in line.rule.mean or () if name in self._known]
        numbers = [value for value in parts if isinstance(value, int | float)]
        if numbers and 2 * len(numbers) >= len(parts):
            return round(sum(numbers) / len(numbers), _DECIMALS)
        if numbers:
            self._too_few.append(line.rule.label)
        return None

    def _counts(self, line: IndexLine) -> list[tuple[str, str, IndexResult]]:
        rule = line.rule
        passes = [self._passes[each] for each in line.passes]
        incomplete = any(each.incomplete for each in passes)
        self._incomplete = self._incomplete or incomplete
        counted: list[Any] = []
        for each in passes:
            counted.extend(each.missing if rule.missing else each.maybe if rule.maybe else each.items)
        if rule.having and not incomplete:
            found = len([each for each in counted if each[rule.having]]) if counted else None
            return [(rule.name, rule.label, found)]
        if line.groups is None or rule.by is None:
            return [(rule.name, rule.label, None if incomplete else len(counted))]
        by = rule.by
        groups = Counter(str(each[by] if isinstance(each, Mapping) else getattr(each, by)) for each in counted)
        names_and_labels = zip(line.names, line.groups, strict=True)
        return [
            (name, rule.label_of(label), None if incomplete else groups[value])
            for name, (value, label) in names_and_labels
        ]


def quoted_criteria(text: str, titles: Sequence[str], quotes: Collection[str]) -> frozenset[str]:
    """Return the titles of those criteria in whose section of a Markdown text one of the ``quotes`` stands.

    A section begins with a line that begins with the number of a title («П1», «1.1»), or a heading or bold line that
    begins with its words. It ends where another begins, or with a heading.
    """
    sections = dict.fromkeys(titles, "")
    current: str | None = None
    for line in text.split("\n"):
        begun = next((title for title in titles if _begins(line, title)), None)
        if begun or line.startswith("#"):
            current = begun
        if current:
            sections[current] += f"{line}\n"
    return frozenset(title for title, section in sections.items() if any(quote in section for quote in quotes))


def _begins(line: str, title: str) -> bool:
    words, of_title = normal_words(line), normal_words(title)
    number = [word for word in of_title if any(character.isdecimal() for character in word)]
    name = of_title[len(number) :]
    if number:
        return words[: len(number)] == number or (_is_strong(line) and bool(name) and words[: len(name)] == name)
    return _is_strong(line) and words[: len(name)] == name


def _is_strong(line: str) -> bool:
    return line.lstrip("-* \t") != line.lstrip("- \t") or line.startswith("#")


def _field(answer: Mapping[str, Any], path: str) -> IndexResult:
    value: Any = answer
    for name in path.split("."):
        value = value.get(name) if value is not None else None
    result: IndexResult = value
    return result


def _band(value: IndexResult, steps: Sequence[tuple[float, str]]) -> str | None:
    if not isinstance(value, int | float):
        return None
    return next((label for threshold, label in steps if value >= threshold), None)
