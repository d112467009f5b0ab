"""Values of research. Numbers of themes and claims begin at 1 within their research."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from datamodels import BuildingType, RecordingId, ReportRunId, ScenarioId, Usage, UserId, Value
from datamodels_search import Named, Narrowing
from reports.evidence import Quote


class Scope(Value):
    """Which transcripts are read: those that meet every condition; None sets none. Both days are included.

    ``named`` is what a question names: its values of a field are alternatives. ``mine`` leaves the team's out.
    """

    scenario: ScenarioId | None = None
    first_day: date | None = None
    last_day: date | None = None
    place: str | None = None
    city: str | None = None
    employee: str | None = None
    building: BuildingType | None = None
    named: Named = Named()
    mine: bool = False


EVERYTHING = Scope()


def scope_of(narrowing: Narrowing) -> Scope:
    """Return the scope of the recordings to which a search was narrowed."""
    return Scope(scenario=narrowing.chat.scenario, named=narrowing.named, mine=narrowing.chat.mine)


class Interview(Value):
    """A recording that the person may see, with a transcript. ``characters`` counts its text.

    ``whose`` is the name of its owner, None for a recording of the person's own. ``content_hash`` changes with the
    transcript. ``day`` is that of the recording, or that on which it came.
    """

    id: RecordingId
    number: int
    whose: str | None
    scenario: ScenarioId
    day: date
    place: str | None
    content_hash: str
    characters: int


class ResearchOrder(Value):
    """What was ordered: see ``research_runs``."""

    run_id: ReportRunId
    owner_id: UserId
    question: str
    scope: Scope
    recording_ids: tuple[RecordingId, ...]
    matching: int


class Estimate(Value):
    """What a research will take, roughly. ``cost_usd`` is None when the model's price is unknown."""

    usage: Usage
    seconds: float
    cost_usd: Decimal | None


class Offer(Value):
    """A research that can be ordered: it reads ``reading`` of ``matching`` transcripts, the latest."""

    question: str
    scope: Scope
    reading: int
    matching: int
    estimate: Estimate
    demonstration: bool


class Aspect(Value):
    """A part of the question, such as «Вкус завтрака»."""

    id: str
    title: str


class Stance(StrEnum):
    POSITIVE = "positive"
    NEGATIVE = "negative"
    NEUTRAL = "neutral"


@dataclass(frozen=True)
class Claim:
    """Something said about an aspect. ``statement`` is the model's wording, ``quote`` what the recording has."""

    interview: Interview
    aspect: str
    statement: str
    stance: Stance
    quote: Quote


@dataclass(frozen=True)
class Reading:
    """What was found in one transcript. ``asked`` are the aspects about which somebody asked there.

    ``dropped`` counts claims without a quote that the transcript has word for word, ``windows`` the parts of the
    transcript that got no answer.
    """

    interview: Interview
    claims: Sequence[Claim]
    asked: frozenset[str]
    dropped: int = 0
    unread_windows: int = 0


@dataclass(frozen=True)
class Theme:
    """Claims of one aspect that say the same, the first of each interview first.

    ``title`` is empty when the model gave none that the quotes carry.
    """

    number: int
    aspect: str
    title: str
    claims: Sequence[Claim]

    @property
    def interviews(self) -> Sequence[Interview]:
        """The interviews in which it is said, each once."""
        return list({claim.interview.id: claim.interview for claim in self.claims}.values())


@dataclass(frozen=True)
class Findings:
    """All that a research found. ``summary`` is Markdown whose sentences cite themes, empty when nothing was left.

    ``removed`` counts its sentences that no theme carried, ``failed`` the interviews of which no answer was usable.
    """

    order: ResearchOrder
    aspects: Sequence[Aspect]
    readings: Sequence[Reading]
    themes: Sequence[Theme]
    summary: str = ""
    removed: int = 0
    failed: Sequence[Interview] = ()
    forgotten: int = 0
    """How many of its recordings were deleted afterwards."""
