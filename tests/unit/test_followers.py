"""Loops go on whatever a step does, and tasks are one at a time for each key."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from itertools import pairwise

import pytest

from errors import DatabaseUnavailable
from followers import KeyedTasks, Loop, delay_s


@asynccontextmanager
async def running(loop: Loop, step: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    task = asyncio.create_task(loop.run(step))
    try:
        async with asyncio.timeout(10):
            yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.mark.parametrize("trouble", [DatabaseUnavailable(reason="gone"), RuntimeError("a bug")])
async def test_a_step_that_fails_is_done_again(trouble: Exception) -> None:
    steps, went_on = 0, asyncio.Event()

    async def step() -> None:
        nonlocal steps
        steps += 1
        if steps < 3:
            raise trouble
        went_on.set()

    async with running(Loop("test", pause_s=0.001), step):
        await went_on.wait()


async def test_a_loop_that_is_woken_does_not_wait_for_its_pause() -> None:
    steps: asyncio.Queue[None] = asyncio.Queue()

    async def step() -> None:
        steps.put_nowait(None)

    loop = Loop("test", pause_s=3600)
    async with running(loop, step):
        for _ in range(3):
            await steps.get()
            loop.wake()


async def test_what_wakes_a_loop_during_its_step_is_not_lost() -> None:
    steps, twice = 0, asyncio.Event()
    loop = Loop("test", pause_s=3600)

    async def step() -> None:
        nonlocal steps
        steps += 1
        if steps == 1:
            loop.wake()
        else:
            twice.set()

    async with running(loop, step):
        await twice.wait()


async def test_an_errand_that_failed_rests_and_the_others_go_on() -> None:
    ended: list[str] = []

    async def well() -> None:
        ended.append("well")

    async def badly() -> None:
        raise DatabaseUnavailable(reason="gone")

    async with asyncio.TaskGroup() as group:
        tasks: KeyedTasks[str] = KeyedTasks("test", group, lambda: ended.append("woken"))
        tasks.start("a", badly())
        tasks.start("b", well())
        assert tasks.busy == {"a", "b"}
    assert ended == ["well", "woken"]
    assert tasks.busy == {"a"}
    tasks.cancel("a")
    assert tasks.busy == frozenset()


async def test_an_errand_that_is_cancelled_ends_alone() -> None:
    async def endless() -> None:
        await asyncio.Event().wait()

    other_ends = asyncio.Event()

    async def other() -> None:
        await other_ends.wait()

    async with asyncio.TaskGroup() as group:
        tasks: KeyedTasks[str] = KeyedTasks("test", group, lambda: None)
        tasks.start("endless", endless())
        tasks.start("other", other())
        await asyncio.sleep(0)
        tasks.cancel("endless")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert tasks.busy == {"other"}
        other_ends.set()
    assert tasks.busy == frozenset()


def test_delays_grow_to_a_minute() -> None:
    delays = [delay_s(tries) for tries in range(12)]
    assert delays[:4] == [2, 4, 8, 16]
    assert all(earlier <= later for earlier, later in pairwise(delays))
    assert delays[-1] == 60


async def test_a_loop_whose_step_failed_tries_again_when_that_is_worth_it() -> None:
    steps: list[str] = []
    failed, again = asyncio.Event(), asyncio.Event()

    async def step() -> None:
        steps.append("")
        if len(steps) == 1:
            failed.set()
            raise DatabaseUnavailable(reason="gone")
        again.set()

    loop = Loop("test", pause_s=600)
    async with running(loop, step):
        await failed.wait()
        loop.wake()
        await asyncio.sleep(0.05)
        assert len(steps) == 1
        Loop.try_again()
        await again.wait()
