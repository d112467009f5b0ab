"""Answers as jobs: beside all other work, one after another for each person, and taken over from dead workers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import cast
from uuid import uuid4

import pytest

import chat_history
from datamodels import RecordingId, UserId
from datamodels_chats import AnswerId, AnswerStatus, EndedAnswer, Occasion
from db import Database
from errors import DatabaseUnavailable, ProviderUnavailable, VoxPersonaError
from jobs.chats import AnswerSteps
from jobs.queue import Jobs
from jobs.recordings import RecordingSteps
from jobs.reports import ReportSteps
from recordings_factory import add_recording, add_user

_LIMIT_S = 20.0


class Recordings(RecordingSteps):
    """Work on recordings that never ends."""

    def __init__(self) -> None:
        self.begun: list[RecordingId] = []

    async def advance(self, recording_id: RecordingId, enqueue_next: object) -> None:  # noqa: ARG002
        self.begun.append(recording_id)
        await asyncio.Event().wait()

    async def clear_spool(self, recording_id: RecordingId) -> None:
        """Nothing is there."""


class Answers(AnswerSteps):
    """Answers that only note that they were given, and go as the test says."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.begun: list[AnswerId] = []
        self.given: list[AnswerId] = []
        self.failure: Exception | None = None
        self.may_end = asyncio.Event()
        self.may_end.set()

    async def answer(self, answer_id: AnswerId) -> None:
        self.begun.append(answer_id)
        await self.may_end.wait()
        if self.failure is not None:
            raise self.failure
        self.given.append(answer_id)

    async def fail(self, answer_id: AnswerId, error: VoxPersonaError) -> None:
        async with self.database.transaction() as connection:
            await chat_history.fail_answer(connection, answer_id, error.code)


@pytest.fixture
def answers(database: Database) -> Answers:
    return Answers(database)


def made(database: Database, answers: Answers, recordings: Recordings | None = None) -> Jobs:
    return Jobs(database, recordings or Recordings(), cast("ReportSteps", None), concurrency=1, answers=answers)


@asynccontextmanager
async def working(jobs: Jobs) -> AsyncIterator[asyncio.Task[None]]:
    worker = asyncio.create_task(jobs.run_worker(None))
    try:
        yield worker
    finally:
        worker.cancel()
        await asyncio.wait([worker])


async def until(there: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(_LIMIT_S):
        while not await there():  # noqa: ASYNC110  # the database has no event of ours
            await asyncio.sleep(0.02)


async def new_owner(database: Database) -> UserId:
    async with database.transaction() as connection:
        return await add_user(connection)


async def ask(database: Database, jobs: Jobs, owner: UserId) -> AnswerId:
    occasion = Occasion(door="test", key=str(uuid4()))
    async with database.transaction() as connection:
        chat = await chat_history.create_chat(connection, owner)
        answer_id = await chat_history.add_question(connection, chat, occasion, "Что?", "Что?", {})
        await jobs.enqueue_answer(connection, owner, answer_id)
    return answer_id


async def ended(database: Database) -> list[EndedAnswer]:
    async with database.transaction() as connection:
        return await chat_history.lock_ended(connection, "test", 100)


async def test_an_answer_does_not_wait_for_other_work(database: Database, answers: Answers) -> None:
    recordings = Recordings()
    jobs = made(database, answers, recordings)
    async with database.transaction() as connection:
        recording = (await add_recording(connection)).id
        await jobs.enqueue_recording(connection, recording)

    async def is_busy() -> bool:
        return recordings.begun == [recording]

    async def is_answered() -> bool:
        return answers.given == [answer]

    async with working(jobs):
        await until(is_busy)
        answer = await ask(database, jobs, await new_owner(database))
        await until(is_answered)


async def test_the_questions_of_one_person_are_answered_one_after_another(database: Database, answers: Answers) -> None:
    jobs, owner = made(database, answers), await new_owner(database)
    answers.may_end.clear()
    first, second = [await ask(database, jobs, owner) for _ in range(2)]
    other = await ask(database, jobs, await new_owner(database))

    async def two_have_begun() -> bool:
        return set(answers.begun) == {first, other}

    async def all_are_given() -> bool:
        return len(answers.given) == 3

    async with working(jobs):
        await until(two_have_begun)
        answers.may_end.set()
        await until(all_are_given)
    assert answers.given.index(first) < answers.given.index(second)


async def test_what_a_worker_left_is_answered_by_the_next(database: Database, answers: Answers) -> None:
    jobs = made(database, answers)
    answers.may_end.clear()
    answer = await ask(database, jobs, await new_owner(database))

    async def has_begun() -> bool:
        return bool(answers.begun)

    async def is_given() -> bool:
        return answers.given == [answer]

    async with working(jobs):
        await until(has_begun)
    assert answers.given == []
    answers.may_end.set()
    async with working(made(database, answers)):
        await until(is_given)


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (RuntimeError("bug"), "unexpected_failure"),
        (ProviderUnavailable(provider="llm", reason="503"), "provider_unavailable"),
    ],
)
async def test_a_failure_is_the_end_and_is_noted(
    database: Database, answers: Answers, failure: Exception, code: str
) -> None:
    jobs = made(database, answers)
    answers.failure = failure
    answer = await ask(database, jobs, await new_owner(database))

    async def has_failed() -> bool:
        return [each.id for each in await ended(database)] == [answer]

    async with working(jobs):
        await until(has_failed)
    async with database.transaction() as connection:
        row = await (await connection.execute("SELECT status, error_code FROM chat_answers")).fetchone()
    assert row == {"status": AnswerStatus.FAILED, "error_code": code}


async def test_an_answer_that_the_database_interrupts_is_given_later(database: Database, answers: Answers) -> None:
    jobs = made(database, answers)
    answers.failure = DatabaseUnavailable(reason="gone")
    answer = await ask(database, jobs, await new_owner(database))

    async def was_interrupted() -> bool:
        return len(answers.begun) == 1

    async def is_given() -> bool:
        return answers.given == [answer]

    async with working(jobs):
        await until(was_interrupted)
        answers.failure = None
        await until(is_given)
    assert await ended(database) == []
