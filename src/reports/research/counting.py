"""Counting for a research: how many interviews say what, where, who disagrees, what nobody asked. No model is asked."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from reports.research.values import Aspect, Claim, Findings, Interview, Reading, Stance, Theme


@dataclass(frozen=True)
class AspectCount:
    """In how many interviews an aspect was asked about, and in how many it was spoken of."""

    aspect: Aspect
    asked: int
    said: int


@dataclass(frozen=True)
class PlaceCount:
    """``count`` of the ``total`` interviews that were read about a place; ``place`` is None where it is unknown."""

    place: str | None
    count: int
    total: int


@dataclass(frozen=True)
class Disagreement:
    """In how many interviews an aspect is praised, blamed, and both; with a claim of each side, of one who is on that
    side alone where there is such an interview.
    """

    aspect: Aspect
    positive: int
    negative: int
    both: int
    praise: Claim
    blame: Claim


def aspect_counts(findings: Findings) -> Sequence[AspectCount]:
    """Count for each aspect, in the order of the plan."""
    return [
        AspectCount(
            aspect,
            sum(aspect.id in reading.asked for reading in findings.readings),
            sum(any(claim.aspect == aspect.id for claim in reading.claims) for reading in findings.readings),
        )
        for aspect in findings.aspects
    ]


def places_of(theme: Theme, readings: Sequence[Reading]) -> Sequence[PlaceCount]:
    """Count a theme's interviews by place, most first; nothing when all that was read is about one place."""
    totals = Counter(reading.interview.place for reading in readings)
    if len(totals) < 2:
        return []
    counts = Counter(interview.place for interview in theme.interviews)
    found = [PlaceCount(place, count, totals[place]) for place, count in counts.items()]
    return sorted(found, key=lambda each: (-each.count, each.place or ""))


def disagreements(findings: Findings) -> Sequence[Disagreement]:
    """Return the aspects that some interviews praise and others blame, in the order of the plan."""
    found = []
    for aspect in findings.aspects:
        praise, blame = (_sides(findings.readings, aspect, stance) for stance in (Stance.POSITIVE, Stance.NEGATIVE))
        if praise and blame and len(praise | blame) > 1:
            only = next((claim for id_, claim in praise.items() if id_ not in blame), next(iter(praise.values())))
            against = next((claim for id_, claim in blame.items() if id_ not in praise), next(iter(blame.values())))
            both = len(praise.keys() & blame.keys())
            found.append(Disagreement(aspect, len(praise), len(blame), both, only, against))
    return found


def claims_of(interview: Interview, themes: Sequence[Theme]) -> int:
    """Count the claims of an interview."""
    return sum(claim.interview.id == interview.id for theme in themes for claim in theme.claims)


def _sides(readings: Sequence[Reading], aspect: Aspect, stance: Stance) -> dict[object, Claim]:
    """Return the first claim of each interview that has this stance on an aspect, by interview."""
    return {
        claim.interview.id: claim
        for reading in readings
        for claim in reversed(reading.claims)
        if claim.aspect == aspect.id and claim.stance is stance
    }
