"""Lists of reports as the index of a folder has them: lines that are parsed when they are looked at."""

from collections.abc import Callable, Container, Iterator, Sequence
from datetime import datetime
from typing import Final, NamedTuple, overload

from pydantic import TypeAdapter

from datamodels import ReportFile, ReportId, ScenarioId

_LINES: Final = TypeAdapter(list[ReportFile])
_LINES_AT_ONCE: Final = 500
"""Lines that are parsed at once. The event loop can run in between; 10,000 at once would hold it up for a third of a
second."""


class ReportFacts(NamedTuple):
    """The facts by which reports are picked. Parsing 100,000 lines to find them would take 1.5 s each time."""

    created_at: datetime
    folded_title: str
    report_id: ReportId
    label: str
    scenario: ScenarioId | None


def parsed(raw: Sequence[bytes]) -> Iterator[ReportFile]:
    """Parse lines of JSON.

    Raises:
        ValueError: a line is no report.
    """
    for start in range(0, len(raw), _LINES_AT_ONCE):
        yield from _LINES.validate_json(b"[" + b",".join(raw[start : start + _LINES_AT_ONCE]) + b"]")


class ReportLines(Sequence[ReportFile]):
    """Reports that are parsed when they are looked at; ``facts`` are there without parsing."""

    def __init__(self, numbers: Sequence[int], raw: Sequence[bytes], facts: Sequence[ReportFacts]) -> None:
        self.numbers = numbers
        self.facts = facts
        self._raw = raw

    def where(self, fits: Callable[[ReportFacts], bool]) -> "ReportLines":
        """Return the reports whose facts fit, in their order."""
        return self._at([place for place, facts in enumerate(self.facts) if fits(facts)])

    def only(self, numbers: Container[int]) -> "ReportLines":
        """Return the reports with one of these numbers, in their order."""
        return self._at([place for place, number in enumerate(self.numbers) if number in numbers])

    def _at(self, places: Sequence[int]) -> "ReportLines":
        return ReportLines(
            [self.numbers[place] for place in places],
            [self._raw[place] for place in places],
            [self.facts[place] for place in places],
        )

    def __len__(self) -> int:
        return len(self._raw)

    @overload
    def __getitem__(self, place: int) -> ReportFile: ...

    @overload
    def __getitem__(self, place: slice) -> list[ReportFile]: ...

    def __getitem__(self, place: int | slice) -> ReportFile | list[ReportFile]:
        if isinstance(place, int):
            return ReportFile.model_validate_json(self._raw[place])
        return [ReportFile.model_validate_json(raw) for raw in self._raw[place]]

    def __iter__(self) -> Iterator[ReportFile]:
        return parsed(self._raw)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # like a list
