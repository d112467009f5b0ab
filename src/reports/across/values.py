"""Values of what is counted across interviews: which interviews are wanted, what each named, and the counts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from datamodels import BuildingType, RecordingId, ReportId, ReportRunId, Segment, UserId, Value
from reports.evidence import Quote
from user_states import State


class Wanted(State):
    """Which interviews are counted; None sets no condition. ``first`` and ``last`` are days, both included.

    ``report_id`` is the report whose items are counted; None stands for the first that has countable items.
    """

    KEY = "across"
    report_id: ReportId | None = None
    place: UUID | None = None
    employee: UUID | None = None
    building: BuildingType | None = None
    first: date | None = None
    last: date | None = None


class Subject(Value):
    """A report whose items can be counted, with the fields of its items.

    ``name`` is the field that tells items apart, ``label`` the one that people read; the two are the same without a
    taxonomy. Items may lack ``category``; ``quotes`` is None when they have none.
    """

    report_id: ReportId
    report: str
    pass_id: str
    name: str
    label: str
    category: str
    quotes: str | None


@dataclass(frozen=True, slots=True)
class Mention:
    """A factor as one report names it. ``name`` is as stored, ``key`` equal for all spellings of the factor."""

    key: str
    name: str
    label: str
    category: str


class Interview(Value):
    """A recording with the latest finished report of the wanted type.

    ``number`` is the recording's number among those of ``owner``, who is called ``owner_name``. ``came`` is when the
    recording came, which gives interviews of one ``day`` an order; those of one moment follow their numbers.
    ``place_building`` is the type by which places of one name differ, "" when not given. ``has_items`` is False when
    the report was written before items were stored, or its pass had another name.
    """

    run_id: ReportRunId
    recording_id: RecordingId
    owner: UserId
    owner_name: str
    number: int
    day: date
    came: datetime
    place_id: UUID | None = None
    place: str | None = None
    place_building: str | None = None
    employee_id: UUID | None = None
    employee: str | None = None
    building: BuildingType | None = None
    has_items: bool = True


class Trend(StrEnum):
    """How the share of interviews that mention a factor changes from month to month."""

    RISING = "rising"
    FALLING = "falling"
    STEADY = "steady"
    TOO_FEW = "too_few"


@dataclass(frozen=True, slots=True)
class Month:
    """A calendar month with interviews, and how many it has."""

    year: int
    month: int
    interviews: int


@dataclass(frozen=True, slots=True)
class Factor:
    """A factor and the places, in ``Counted.interviews``, of those that mention it, in their order.

    ``names`` are the factor's names in the reports, ``by_month`` has the number of interviews in each of
    ``Counted.months``.
    """

    key: str
    label: str
    category: str
    names: frozenset[str]
    mentioned_in: Sequence[int]
    by_month: Sequence[int]
    trend: Trend

    @property
    def count(self) -> int:
        """The number of interviews that mention the factor."""
        return len(self.mentioned_in)


@dataclass(frozen=True, slots=True)
class Saturation:
    """Whether further interviews still bring new factors.

    ``reached_at`` is the number of the interview, from 1, since which they hardly do; None when they still do, or
    when ``is_known`` is False: there are too few interviews to tell. ``base`` is the number of factors in the first
    interviews, ``latest`` that of new ones in the last.
    """

    is_known: bool
    reached_at: int | None
    base: int
    latest: int


@dataclass(frozen=True, slots=True)
class Counted:
    """The counts. ``interviews`` are in the order of their days, ``factors`` in that of their numbers, most first.

    ``new`` has for each interview the number of factors that no earlier one mentions. ``months`` are those with
    interviews, in order. ``without_data`` counts recordings whose reports are from before items were stored.
    """

    interviews: Sequence[Interview]
    factors: Sequence[Factor]
    new: Sequence[int]
    months: Sequence[Month]
    saturation: Saturation
    without_data: int = 0

    def factor(self, key: str) -> Factor | None:
        """Return the factor with this key, if it is mentioned."""
        return next((factor for factor in self.factors if factor.key == key), None)


class Kind(StrEnum):
    """What can be chosen of interviews."""

    PLACE = "place"
    EMPLOYEE = "employee"
    PERIOD = "period"
    BUILDING = "building"


@dataclass(frozen=True, slots=True)
class Choice:
    """Something to choose, and the number of interviews with it.

    ``id`` is a word for ``Wanted.chosen``: a place, an employee, a building type, or a month such as m202611.
    """

    id: str
    label: str
    interviews: int


@dataclass(frozen=True, slots=True)
class Overview:
    """What a person may choose from, and what is chosen.

    ``subject`` is None when no report has countable items. ``interviews`` is the number that fit, ``any`` tells
    whether there are some without conditions. The choices of a kind fit what is chosen of the other kinds; the most
    frequent come first, of months the latest. ``conditions`` are what is chosen in words, one a line.
    """

    subjects: Sequence[Subject]
    subject: Subject | None
    interviews: int
    any: bool
    choices: Mapping[Kind, Sequence[Choice]]
    conditions: Sequence[str]


@dataclass(frozen=True, slots=True)
class Said:
    """The quotes of a factor in one interview."""

    interview: Interview
    quotes: Sequence[Quote]


@dataclass(frozen=True, slots=True)
class Result:
    """The counts over what was wanted; ``asker`` is who asked, to whom colleagues' recordings are named with owners."""

    subject: Subject
    conditions: Sequence[str]
    asker: UserId
    counted: Counted


@dataclass(frozen=True, slots=True)
class Passage:
    """A place in a recording: the utterances around it. Empty when the transcript has nothing there any more."""

    number: int
    owner: UserId
    owner_name: str
    segments: Sequence[Segment]
