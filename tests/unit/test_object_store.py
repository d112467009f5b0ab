"""How stores do their blocking calls."""

import asyncio
import threading

import pytest

from errors import ObjectStoreUnavailable
from object_store import run_in_thread

_MANY = 40


async def test_calls_of_a_store_that_does_not_answer_leave_threads_for_everything_else() -> None:
    answered = threading.Event()
    calls = [asyncio.create_task(run_in_thread("get", answered.wait)) for _ in range(_MANY)]
    await asyncio.sleep(0)  # all calls begin
    try:
        async with asyncio.timeout(5):
            await asyncio.to_thread(int)
    finally:
        answered.set()
        await asyncio.gather(*calls)


async def test_a_call_is_awaited_and_what_it_raises_is_raised() -> None:
    def fail() -> None:
        raise ObjectStoreUnavailable(reason="away")

    assert await run_in_thread("get", lambda: 7) == 7
    with pytest.raises(ObjectStoreUnavailable):
        await run_in_thread("get", fail, tries=1)
