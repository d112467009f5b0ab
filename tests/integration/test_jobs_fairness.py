"""Who is served when: people take turns, a begun recording ends before the next begins, and short work goes first."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from uuid import UUID, uuid4

import pytest

import cards_store
import recordings_store
from datamodels import RecordingId, ReportRunId, UserId
from datamodels_telegram import ChatId
from db import Connection, Database
from errors import DatabaseUnavailable, ProviderUnavailable, VoxPersonaError
from jobs.queue import Jobs
from jobs.recordings import RecordingSteps
from jobs.reports import ReportSteps
from recordings_factory import add_user, new_recording

STEPS = 3

Enqueue = Callable[[Connection, RecordingId], Awaitable[None]]


class Steps(RecordingSteps):
    """Three steps of each recording, noted as they are taken."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.taken: list[RecordingId] = []
        self.proposed: list[RecordingId] = []
        self.failures: list[Exception] = []
        self.first = asyncio.Event()
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()

    async def advance(self, recording_id: RecordingId, enqueue_next: Enqueue) -> None:
        self.first.set()
        await self.may_go_on.wait()
        if self.failures:
            raise self.failures.pop(0)
        self.taken.append(recording_id)
        if self.taken.count(recording_id) < STEPS:
            async with self._database.transaction() as connection:
                await enqueue_next(connection, recording_id)

    async def propose(self, recording_id: RecordingId) -> None:
        self.taken.append(recording_id)
        self.proposed.append(recording_id)

    async def clear_spool(self, recording_id: RecordingId) -> None:
        """Leave all as it is."""


class Reports(ReportSteps):
    def __init__(self, taken: list[RecordingId]) -> None:
        self._taken = taken

    async def write(self, run_id: ReportRunId) -> None:
        self._taken.append(RecordingId(run_id))


class Hanging:
    """Work that waits for a service which does not answer."""

    is_quick = False

    def __init__(self) -> None:
        self.begun = 0
        self.first = asyncio.Event()
        self.may_go_on = asyncio.Event()

    async def do(self, id_: UUID) -> None:  # noqa: ARG002
        self.begun += 1
        self.first.set()
        await self.may_go_on.wait()

    async def fail(self, id_: UUID, error: VoxPersonaError, again_at: datetime | None) -> None:
        """It never fails."""


class People:
    """A queue in which people's recordings wait."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.steps = Steps(database)
        self.jobs = Jobs(database, self.steps, Reports(self.steps.taken), 1, (0.0, 0.0))
        self._worker: asyncio.Task[None] | None = None

    async def come(self) -> UserId:
        async with self.database.transaction() as connection:
            return await add_user(connection)

    async def sends(self, owner: UserId, count: int) -> list[RecordingId]:
        sent = []
        for _ in range(count):
            async with self.database.transaction() as connection:
                recording = await recordings_store.insert_recording(connection, new_recording(owner))
                await self.jobs.enqueue_recording(connection, recording.id)
            sent.append(recording.id)
        return sent

    def begin(self) -> None:
        self._worker = asyncio.create_task(self.jobs.run_worker(None))

    async def stop(self) -> None:
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.wait([self._worker])

    async def until(self, steps: int) -> list[RecordingId]:
        async with asyncio.timeout(60):
            while len(self.steps.taken) < steps:  # noqa: ASYNC110  # the worker has no event of ours
                await asyncio.sleep(0.02)
        return self.steps.taken


@pytest.fixture
async def people(database_url: str) -> AsyncIterator[People]:
    """In a database of the test's own: who works on all queues finds nobody else's jobs."""
    database = await Database.open(database_url)
    made = People(database)
    yield made
    await made.stop()
    await database.close()


async def test_a_begun_recording_ends_before_the_next_begins(people: People) -> None:
    recordings = await people.sends(await people.come(), 4)
    people.begin()
    taken = await people.until(4 * STEPS)
    assert taken == [recording for recording in recordings for _ in range(STEPS)]


async def test_one_recording_does_not_wait_for_two_hundred_of_another(people: People) -> None:
    anna, boris = await people.come(), await people.come()
    people.steps.may_go_on.clear()
    many = await people.sends(anna, 200)
    people.begin()
    await people.steps.first.wait()
    [one] = await people.sends(boris, 1)
    people.steps.may_go_on.set()
    taken = await people.until(3 * STEPS)
    end = max(place for place, recording in enumerate(taken) if recording == one)
    assert Counter(taken[:end])[one] == STEPS - 1
    assert len(set(taken[:end]) & set(many)) <= 2


async def test_people_take_turns(people: People) -> None:
    anna, boris, vera = [await people.come() for _ in range(3)]
    owner: dict[RecordingId, UserId] = {}
    for person, count in ((anna, 4), (boris, 4), (vera, 2)):
        owner |= dict.fromkeys(await people.sends(person, count), person)
    people.begin()
    taken = await people.until(10 * STEPS)
    order = [owner[recording] for recording in dict.fromkeys(taken)]
    assert set(order[:3]) == {anna, boris, vera}
    assert set(order[3:6]) == {anna, boris, vera}
    assert order[6:].count(anna) == order[6:].count(boris) == 2


async def test_who_comes_after_others_were_served_for_long_has_no_credit(people: People) -> None:
    anna, boris = await people.come(), await people.come()
    people.begin()
    await people.sends(anna, 5)
    await people.until(5 * STEPS)
    people.steps.may_go_on.clear()
    people.steps.first.clear()
    first = await people.sends(anna, 3)
    await people.steps.first.wait()
    second = await people.sends(boris, 3)
    people.steps.may_go_on.set()
    taken = (await people.until(11 * STEPS))[5 * STEPS :]
    order = list(dict.fromkeys(taken))
    assert [recording in first for recording in order] == [True, False, True, False, True, False]
    assert order[1::2] == second


async def test_what_a_person_waits_for_goes_before_what_waits_by_itself(people: People) -> None:
    anna = await people.come()
    people.steps.may_go_on.clear()
    recordings = await people.sends(anna, 20)
    people.begin()
    await people.steps.first.wait()
    run = ReportRunId(uuid4())
    async with people.database.transaction() as connection:
        await people.jobs.enqueue_proposal(connection, recordings[5])
        await people.jobs.enqueue_report(connection, recordings[19], run)
    people.steps.may_go_on.set()
    taken = await people.until(2 * STEPS + 2)
    assert people.steps.proposed == [recordings[5]]
    assert taken[1] == recordings[5]
    assert taken.index(RecordingId(run)) <= STEPS + 1


async def test_recordings_go_on_while_all_that_waits_for_a_service_hangs(people: People) -> None:
    hanging = Hanging()
    people.jobs = Jobs(people.database, people.steps, Reports([]), 1, others={"slow": hanging})
    async with people.database.transaction() as connection:
        for _ in range(5):
            await people.jobs.enqueue_other("slow", connection, uuid4())
    people.begin()
    await hanging.first.wait()
    await people.sends(await people.come(), 2)
    await people.until(2 * STEPS)
    assert 1 <= hanging.begun <= 2
    hanging.may_go_on.set()
    async with asyncio.timeout(60):
        while hanging.begun < 5:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_what_the_database_interrupts_uses_up_no_tries(people: People) -> None:
    away, down = DatabaseUnavailable(reason="away"), ProviderUnavailable(provider="asr", reason="503")
    people.steps.failures = [away, down, away, down, away]
    [recording] = await people.sends(await people.come(), 1)
    people.begin()
    assert await people.until(STEPS) == [recording] * STEPS


async def test_after_its_tries_a_failure_is_final_and_success_counts_them_anew(people: People) -> None:
    down = ProviderUnavailable(provider="asr", reason="503")
    people.steps.failures = [down, down]
    [recording] = await people.sends(await people.come(), 1)
    people.begin()
    await people.until(1)
    people.steps.failures = [down, down, down]
    await people.until(1)
    async with asyncio.timeout(60):
        while people.steps.failures:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    async with people.database.transaction() as connection:
        stopped = await recordings_store.get_recording_for_job(connection, recording)
        await people.jobs.enqueue_recording(connection, recording)
    assert stopped.error_code is not None or stopped.retry_at is not None
    assert await people.until(STEPS) == [recording] * STEPS


async def test_a_card_tells_how_many_recordings_are_ahead(people: People) -> None:
    anna, boris = await people.come(), await people.come()
    people.steps.may_go_on.clear()
    many = await people.sends(anna, 3)
    people.begin()
    await people.steps.first.wait()
    [one] = await people.sends(boris, 1)
    async with people.database.transaction() as connection:
        for owner, recording in ((anna, many[0]), (anna, many[2]), (boris, one)):
            await cards_store.add_recording_card(connection, owner, ChatId(1), recording)
        ahead = [card.ahead for card in await cards_store.open_cards(connection)]
    assert ahead == [0, 3, 1]


async def test_a_recording_that_is_worked_on_beside_another_does_not_wait(people: People) -> None:
    anna = await people.come()
    people.steps.may_go_on.clear()
    people.jobs = Jobs(people.database, people.steps, Reports(people.steps.taken), 2)
    recordings = await people.sends(anna, 3)
    people.begin()
    async with asyncio.timeout(60):
        while await begun(people.database) < 2:  # noqa: ASYNC110  # the worker has no event of ours
            await asyncio.sleep(0.02)
    async with people.database.transaction() as connection:
        for recording in recordings:
            await cards_store.add_recording_card(connection, anna, ChatId(1), recording)
        assert [card.ahead for card in await cards_store.open_cards(connection)] == [0, 0, 2]


async def begun(database: Database) -> int:
    async with database.transaction() as connection:
        query = "SELECT count(*) AS begun FROM procrastinate_jobs WHERE status = 'doing'"
        row = await (await connection.execute(query)).fetchone()
    assert row is not None
    return int(row["begun"])
