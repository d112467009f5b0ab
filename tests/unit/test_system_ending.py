"""Whatever becomes of one cancellation, a task ends, and so does the block that waits for it."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from database.locks import DatabaseLocks
from system.ending import end_tasks, looked_at

LIMIT_S = 5.0


class Server:
    """Stands in for a connection to a server that answers every query at once."""

    info = SimpleNamespace(backend_pid=1)

    async def execute(self, *_: object) -> None:
        """Answer a query."""


@asynccontextmanager
async def connection() -> AsyncIterator[Any]:
    yield Server()


@pytest.mark.parametrize("rounds", range(4))
async def test_a_lock_is_given_back_though_its_holder_has_just_been_told_to_look(rounds: int) -> None:
    async with asyncio.timeout(LIMIT_S):
        async with DatabaseLocks(connection).held("a lock") as held:
            for _ in range(3):
                await asyncio.sleep(0)
            held.look()
            for _ in range(rounds):
                await asyncio.sleep(0)


async def test_tasks_that_drop_a_cancellation_are_cancelled_again() -> None:
    dropped = 0

    async def stubborn(times: int) -> None:
        nonlocal dropped
        for _ in range(times):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                dropped += 1
        await asyncio.Event().wait()

    tasks = [asyncio.create_task(stubborn(times)) for times in (0, 1, 3)]
    await asyncio.sleep(0)
    async with asyncio.timeout(LIMIT_S):
        await end_tasks(tasks, again_s=0)
    assert (dropped, [task.cancelled() for task in tasks]) == (4, [True, True, True])


async def test_a_task_that_cleans_up_is_not_disturbed() -> None:
    cleaned = False

    async def work() -> None:
        nonlocal cleaned
        try:
            await asyncio.Event().wait()
        finally:
            for _ in range(20):
                await asyncio.sleep(0)
            cleaned = True

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    await end_tasks([task])
    assert cleaned


async def test_there_may_be_no_task_to_end_or_one_that_has_ended() -> None:
    await end_tasks([])
    ended = asyncio.create_task(asyncio.sleep(0))
    await ended
    await end_tasks([ended])
    assert not ended.cancelled()


async def test_a_failure_after_nobody_waits_any_more_is_no_line_in_the_log() -> None:
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, about: told.append(about))

    async def fails() -> None:
        raise TimeoutError

    for end in (lambda _: None, looked_at):
        task = asyncio.create_task(fails())
        task.add_done_callback(end)
        await asyncio.wait([task])
        del task
        gc.collect()
    asyncio.get_running_loop().set_exception_handler(None)
    assert [each["message"] for each in told] == ["Task exception was never retrieved"]
