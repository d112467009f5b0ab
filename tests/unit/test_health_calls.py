"""Real calls and probes together: what people's work meets counts, and a trouble that has gone is over."""

import pytest

import texts.errors
from errors import (
    ProviderError,
    ProviderInvalidAnswer,
    ProviderRateLimited,
    ProviderRefusedKey,
    ProviderRejectedRequest,
    ProviderUnavailable,
)
from health.board import OK, Level, Reading, Why
from health.calls import RealCalls, reading_of
from outcomes import Outcome, Outcomes, Purpose

REFUSED = Reading(Level.DOWN, Why.KEY_REFUSED)
GONE = Reading(Level.DOWN, Why.UNAVAILABLE)


def rejected(reason: str) -> ProviderRejectedRequest:
    return ProviderRejectedRequest(provider="test", reason=reason)


@pytest.mark.parametrize(
    ("error", "reading"),
    [
        (None, OK),
        (ProviderRefusedKey(), REFUSED),
        (ProviderRateLimited(), Reading(Level.DEGRADED, Why.RATE_LIMITED)),
        (ProviderUnavailable(), Reading(Level.DEGRADED, Why.ERRORS)),
        (ProviderInvalidAnswer(), Reading(Level.DEGRADED, Why.BAD_ANSWERS)),
        (rejected(texts.errors.REASON_NO_FUNDS), Reading(Level.DOWN, Why.NO_FUNDS)),
        (rejected(texts.errors.REASON_REGION), Reading(Level.DOWN, Why.REGION)),
        (rejected(texts.errors.REASON_CONTEXT_TOO_LONG), OK),
    ],
)
def test_what_the_end_of_a_call_tells(error: ProviderError | None, reading: Reading) -> None:
    assert reading_of(error) == reading


class World(Outcomes):
    """Calls that end when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0
        self.calls = RealCalls(Purpose.LANGUAGE, outcomes=self, clock=lambda: self.seconds)

    def end(self, error: ProviderError | None, purpose: Purpose = Purpose.LANGUAGE) -> None:
        self._last[purpose] = Outcome(self.seconds, error)


@pytest.fixture
def world() -> World:
    return World()


def test_without_calls_the_probe_decides(world: World) -> None:
    assert world.calls.together(OK) == OK
    assert world.calls.together(GONE) == GONE
    world.end(ProviderRefusedKey(), Purpose.SPEECH)
    assert world.calls.together(OK) == OK


@pytest.mark.parametrize(
    ("error", "why", "seconds"),
    [
        (ProviderUnavailable(), Why.ERRORS, 60),
        (ProviderRateLimited(), Why.RATE_LIMITED, 60),
        (ProviderRefusedKey(), Why.KEY_REFUSED, 600),
        (rejected(texts.errors.REASON_NO_FUNDS), Why.NO_FUNDS, 3600),
    ],
)
def test_a_failed_call_counts_for_a_time_though_the_probe_is_answered(
    world: World, error: ProviderError, why: Why, seconds: float
) -> None:
    world.calls.together(OK)
    world.end(error)
    assert world.calls.together(OK).why is why
    world.seconds = seconds - 1
    assert world.calls.together(OK).why is why
    world.seconds = seconds
    assert world.calls.together(OK) == OK


def test_a_call_that_succeeds_ends_the_failure_of_the_one_before(world: World) -> None:
    world.end(rejected(texts.errors.REASON_NO_FUNDS))
    assert world.calls.together(OK).level is Level.DOWN
    world.end(None)
    assert world.calls.together(OK) == OK


def test_a_trouble_whose_end_the_probe_sees_is_over(world: World) -> None:
    world.calls.together(OK)
    world.seconds = 1
    world.end(ProviderRefusedKey())
    assert world.calls.together(REFUSED) == REFUSED
    world.seconds = 2
    assert world.calls.together(OK) == OK
    assert world.calls.together(OK) == OK


def test_a_success_does_not_hide_that_the_endpoint_has_died_since(world: World) -> None:
    world.calls.together(OK)
    world.end(None)
    assert world.calls.together(GONE) == GONE


def test_a_key_that_may_not_list_models_and_does_its_work_is_no_trouble(world: World) -> None:
    assert world.calls.together(REFUSED) == REFUSED
    world.end(None)
    assert world.calls.together(REFUSED) == OK
    assert world.calls.together(GONE) == GONE


def test_a_key_that_was_accepted_and_is_not_any_more_is_trouble(world: World) -> None:
    world.calls.together(OK)
    world.end(None)
    assert world.calls.together(REFUSED) == REFUSED
