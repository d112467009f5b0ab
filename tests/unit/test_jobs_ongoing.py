"""Work goes on without the job that began it, the next joins it, and nothing of what nobody wants any more is left."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from errors import ProviderUnavailable
from jobs.ongoing import OngoingWork


class Work:
    """Work that ends when the test says so."""

    def __init__(self) -> None:
        self.begun = 0
        self.cancelled = False
        self.may_end = asyncio.Event()
        self.failure: Exception | None = None

    async def __call__(self) -> None:
        self.begun += 1
        try:
            await self.may_end.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        if self.failure is not None:
            raise self.failure


async def lost(works: OngoingWork, work: Callable[[], Awaitable[None]]) -> None:
    """Let a job join and be cancelled, as by a worker that lost the database."""
    job = asyncio.create_task(works.join("one", work))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job


async def test_the_next_job_waits_for_what_an_earlier_one_began_and_does_what_is_left() -> None:
    works, work, rest = OngoingWork(), Work(), Work()
    rest.may_end.set()
    await lost(works, work)
    joined = asyncio.create_task(works.join("one", rest))
    await asyncio.sleep(0.01)
    assert (work.begun, rest.begun) == (1, 0)
    work.may_end.set()
    await joined
    assert (work.begun, work.cancelled, rest.begun) == (1, False, 1)


async def test_a_job_that_waits_hears_how_the_earlier_work_failed_and_does_nothing() -> None:
    works, work, rest = OngoingWork(), Work(), Work()
    work.failure = ProviderUnavailable(provider="asr", reason="503")
    await lost(works, work)
    joined = asyncio.create_task(works.join("one", rest))
    await asyncio.sleep(0.01)
    work.may_end.set()
    with pytest.raises(ProviderUnavailable):
        await joined
    assert rest.begun == 0


async def test_who_joins_hears_how_it_failed() -> None:
    works, work = OngoingWork(), Work()
    work.failure = ProviderUnavailable(provider="asr", reason="503")
    work.may_end.set()
    with pytest.raises(ProviderUnavailable):
        await works.join("one", work)


async def test_only_work_without_a_job_is_ended_from_outside() -> None:
    works, left, joined = OngoingWork(), Work(), Work()
    await lost(works, left)
    job = asyncio.create_task(works.join("two", joined))
    await asyncio.sleep(0)
    await works.end_unjoined(["one", "two", "three"])
    assert (left.cancelled, joined.cancelled) == (True, False)
    joined.may_end.set()
    await job


async def test_all_of_it_ends_with_the_worker() -> None:
    works, work = OngoingWork(), Work()
    await lost(works, work)
    await works.stop()
    assert work.cancelled


async def test_nothing_is_kept_of_work_that_has_ended() -> None:
    works, work = OngoingWork(), Work()
    work.may_end.set()
    for subject in range(10):
        await works.join(f"{subject}", work)
    assert (works._tasks, works._joined) == ({}, {})
