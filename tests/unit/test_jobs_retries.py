"""When a job that failed is done again: by how often it failed, and by what its provider asked for."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from procrastinate.jobs import Job

from errors import (
    DatabaseFull,
    DatabaseUnavailable,
    DiskFull,
    NoSpeech,
    ObjectDamaged,
    ObjectStoreUnavailable,
    OutOfResources,
    ProviderRateLimited,
    ProviderUnavailable,
    VoxPersonaError,
)
from errors_of_operation import LimitReached
from jobs.retries import GoOn, retry_at

DELAYS_S = (60.0, 600.0)
UNAVAILABLE = ProviderUnavailable(provider="llm", reason="HTTP 503")


def asks_for(seconds: float) -> ProviderRateLimited:
    return ProviderRateLimited(provider="llm", retry_after_s=seconds)


@pytest.mark.parametrize(
    ("failure", "attempts", "delay_s"),
    [
        (UNAVAILABLE, 0, 60),
        (UNAVAILABLE, 1, 600),
        (asks_for(5), 0, 60),
        (asks_for(90), 0, 90),
        (asks_for(90), 1, 600),
        (asks_for(86_399), 0, 86_399),
        (asks_for(86_400_000), 0, 86_400),
        (ObjectStoreUnavailable(reason="cut"), 0, 60),
        (ObjectStoreUnavailable(reason="cut"), 99, 60),
        (DiskFull(path="spool"), 99, 60),
        (LimitReached(resource="sound", retry_after_s=86_400), 99, 3600),
        (LimitReached(resource="sound", retry_after_s=90), 0, 90),
        (OutOfResources(what="открытых файлов"), 99, 60),
    ],
)
def test_a_failure_that_helps_itself_is_tried_again_later(
    failure: VoxPersonaError, attempts: int, delay_s: float
) -> None:
    before = datetime.now(UTC)
    again_at = retry_at(failure, attempts, DELAYS_S)
    assert again_at is not None
    assert before <= again_at - timedelta(seconds=delay_s) <= datetime.now(UTC)


def test_a_full_database_is_given_time() -> None:
    job = Job(id=1, queue="q", lock=None, queueing_lock=None, task_name="t")
    full = DatabaseFull(path="postgres", reason="could not extend file")
    decision = GoOn().get_retry_decision(exception=full, job=job)
    assert decision is not None
    assert decision.retry_at is not None
    assert 20 < (decision.retry_at - datetime.now(UTC)).total_seconds() <= 30


@pytest.mark.parametrize("left_by", [asyncio.CancelledError(), DatabaseUnavailable(reason="away")])
def test_what_its_worker_or_the_database_left_is_due_by_every_clock(left_by: BaseException) -> None:
    job = Job(id=1, queue="q", lock=None, queueing_lock=None, task_name="t")
    decision = GoOn().get_retry_decision(exception=left_by, job=job)
    assert decision is not None
    assert decision.retry_at is not None
    assert decision.retry_at < datetime.now(UTC) - timedelta(days=365)


@pytest.mark.parametrize(
    ("failure", "attempts", "delays_s"),
    [
        (UNAVAILABLE, 2, DELAYS_S),
        (UNAVAILABLE, 3, DELAYS_S),
        (UNAVAILABLE, 0, ()),
        (NoSpeech(), 0, DELAYS_S),
        (ObjectDamaged(key="a/b"), 2, DELAYS_S),
        (ObjectStoreUnavailable(reason="cut"), 0, ()),
        (DiskFull(path="spool"), 0, ()),
    ],
)
def test_a_failure_that_stays_one_is_not_tried_again(
    failure: VoxPersonaError, attempts: int, delays_s: Sequence[float]
) -> None:
    assert retry_at(failure, attempts, delays_s) is None
