import asyncio

import pytest

from telegram_handlers.workers import PersonWorkers


async def test_a_persons_items_are_handled_in_their_order_and_people_do_not_wait_for_one_another() -> None:
    handled: list[str] = []
    anna_may_go_on, boris_is_done, all_done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def work(item: str) -> None:
        if item == "anna 1":
            await anna_may_go_on.wait()
        handled.append(item)
        if item == "boris 1":
            boris_is_done.set()
        if item == "anna 3":
            all_done.set()

    workers = PersonWorkers(work)
    for person, item in [(1, "anna 1"), (1, "anna 2"), (2, "boris 1"), (1, "anna 3")]:
        workers.put(person, item)
    await boris_is_done.wait()
    assert handled == ["boris 1"]
    anna_may_go_on.set()
    await all_done.wait()
    assert handled == ["boris 1", "anna 1", "anna 2", "anna 3"]


@pytest.mark.parametrize(("failures", "in_the_end"), [(2, [0, 1, 2]), (5, [1, 2]), (100, [1, 2])])
async def test_an_item_that_fails_is_worked_on_again_and_takes_no_other_with_it(
    monkeypatch: pytest.MonkeyPatch, failures: int, in_the_end: list[int]
) -> None:
    handled: asyncio.Queue[int] = asyncio.Queue()
    monkeypatch.setattr("followers._FIRST_DELAY_S", 0.01)
    shortages = iter(range(failures))

    async def work(item: int) -> None:
        if item == 0 and next(shortages, None) is not None:
            raise RuntimeError("can't start new thread")
        await handled.put(item)

    workers = PersonWorkers(work)
    for item in range(3):
        workers.put(1, item)
    async with asyncio.timeout(5):
        assert [await handled.get() for _ in in_the_end] == in_the_end


async def test_a_person_who_had_nothing_left_is_served_again() -> None:
    handled: asyncio.Queue[int] = asyncio.Queue()
    workers = PersonWorkers(handled.put)
    for item in range(3):
        workers.put(1, item)
        assert await handled.get() == item


async def test_stopping_finishes_what_has_begun_and_drops_the_rest() -> None:
    handled: list[int] = []
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def work(item: int) -> None:
        begun.set()
        await go_on.wait()
        handled.append(item)

    workers = PersonWorkers(work)
    workers.put(1, 1)
    workers.put(1, 2)
    await begun.wait()
    stopping = asyncio.create_task(workers.stop(grace_s=60))
    await asyncio.sleep(0)
    workers.put(2, 3)
    go_on.set()
    await stopping
    assert handled == [1]


async def test_what_takes_too_long_is_cancelled() -> None:
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def work(item: int) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    workers = PersonWorkers(work)
    workers.put(1, 1)
    await begun.wait()
    await workers.stop(grace_s=0)
    assert cancelled.is_set()


async def test_stopping_with_nothing_to_do_is_quick() -> None:
    async with asyncio.timeout(5):
        await PersonWorkers(asyncio.Queue[int]().put).stop(grace_s=60)
