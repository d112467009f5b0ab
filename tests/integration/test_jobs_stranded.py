"""Work without a job gets one, and only such work."""

import asyncio
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from structlog.testing import capture_logs

import recordings_store
from datamodels import RecordingId, ReportRunId, UserId
from datamodels_chats import AnswerId
from db import Connection, Database
from jobs.rows import answers_lock_of, lock_of
from jobs.stranded import StrandedWork
from recordings_factory import add_recording

_RECORDING = "UPDATE recordings SET stage = %s, error_code = %s, updated_at = now() - %s::interval WHERE id = %s"
_RUN = """
    INSERT INTO report_runs (
        id, recording_id, owner_id, number, scenario, report_id, input_hash, prompt_hash, model, passes_total, status,
        created_at
    )
    VALUES (%s, %s, %s, 1, 'interview', 'report', 'hash', 'hash', 'model', 1, %s, now() - interval '2 minutes')
"""
_ANSWER = """
    WITH chat AS (INSERT INTO chats (owner_id, number, title) VALUES (%(owner)s, 1, 'Чат')),
        question AS (
            INSERT INTO chat_questions (owner_id, chat_number, door, key, text)
            VALUES (%(owner)s, 1, 'telegram', '1', 'Что с завтраком?') RETURNING id
        )
    INSERT INTO chat_answers (id, question_id, kind, status, return_to, created_at)
    SELECT %(id)s, id, 'fast', %(status)s, '{"chat_id": 1}', now() - interval '2 minutes' FROM question
"""
_WORDS = """
    WITH file AS (
        INSERT INTO incoming_files (owner_id, chat_id, message_id, file, state, created_at)
        VALUES (%(owner)s, 1, 1, '{}', %(state)s, now() - interval '2 minutes') RETURNING id
    )
    INSERT INTO spoken_words (id, incoming_id, sound) SELECT %(id)s, id, 'x' FROM file
"""
_SPEECH = """
    INSERT INTO speeches (id, owner_id, kind, title, text, is_whole, voice, key, pieces, created_at, ended_at)
    VALUES (%s, %s, 'text', '', '', true, '', '', 1, now() - interval '2 minutes', %s)
"""
_JOB = """
    INSERT INTO procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args, status, scheduled_at)
    VALUES ('q', 'task', %s, %s, '{}', %s, now() + interval '1 hour')
"""


class Enqueued:
    """The subjects that got a job, and the watch that gave it."""

    def __init__(self, database: Database) -> None:
        self.subjects: list[UUID] = []
        self.owners: list[UserId] = []
        others = [self._other] * 3
        self.watch = StrandedWork(database, self._recording, self._report, self._answer, *others)

    async def _recording(self, _: Connection, recording: RecordingId) -> None:
        self.subjects.append(recording)

    async def _report(self, _: Connection, recording: RecordingId | None, run: ReportRunId) -> None:
        self.subjects += [each for each in (recording, run) if each is not None]

    async def _other(self, _: Connection, id_: UUID) -> None:
        self.subjects.append(id_)

    async def _answer(self, _: Connection, owner: UserId, answer: AnswerId) -> None:
        self.owners.append(owner)
        self.subjects.append(answer)


@pytest.fixture
def enqueued(database: Database) -> Enqueued:
    return Enqueued(database)


async def recording_at(database: Database, stage: str, error: str | None, age: str) -> RecordingId:
    async with database.transaction() as connection:
        recording = (await add_recording(connection)).id
        await connection.execute(_RECORDING, (stage, error, age, recording))
    return recording


@pytest.mark.parametrize(
    ("stage", "error", "age", "jobs", "is_revived"),
    [
        ("stored", None, "2 minutes", [], True),
        ("speakers_known", None, "2 minutes", [], True),
        ("speakers_known", None, "2 minutes", ["failed", "aborted"], True),
        ("transcribed", None, "30 seconds", [], False),
        ("done", None, "2 minutes", [], False),
        ("prepared", "cancelled", "2 minutes", [], False),
        ("prepared", "provider_unavailable", "2 minutes", [], False),
        ("prepared", None, "2 minutes", ["todo"], False),
        ("prepared", None, "2 minutes", ["doing"], False),
    ],
)
async def test_a_recording_without_a_job_gets_one_at_the_second_look(
    database: Database, enqueued: Enqueued, stage: str, error: str | None, age: str, jobs: list[str], is_revived: bool
) -> None:
    recording = await recording_at(database, stage, error, age)
    async with database.transaction() as connection:
        for status in jobs:
            await connection.execute(_JOB, (lock_of(recording), lock_of(recording), status))
    await enqueued.watch.step()
    assert enqueued.subjects == []
    with capture_logs() as lines:
        await enqueued.watch.step()
    assert enqueued.subjects == ([recording] if is_revived else [])
    assert [line["id"] for line in lines] == ([str(recording)] if is_revived else [])


async def test_what_is_cancelled_while_others_are_revived_stays_cancelled(
    database: Database, enqueued: Enqueued, monkeypatch: pytest.MonkeyPatch
) -> None:
    recordings = [await recording_at(database, "prepared", None, "2 minutes") for _ in range(2)]
    revived: list[RecordingId] = []

    async def revive(_: Connection, recording: RecordingId) -> None:
        revived.append(recording)
        async with database.transaction() as other:
            for each in set(recordings) - {recording}:
                assert await recordings_store.cancel(other, each)

    monkeypatch.setattr(enqueued.watch, "_recording", revive)
    await enqueued.watch.step()
    await enqueued.watch.step()
    assert len(revived) == 1


async def test_work_that_goes_on_without_its_job_is_left_alone(database: Database, enqueued: Enqueued) -> None:
    recording = await recording_at(database, "prepared", None, "2 minutes")
    await enqueued.watch.step()
    async with database.locks.held(lock_of(recording)):
        await enqueued.watch.step()
    assert enqueued.subjects == []
    async with asyncio.timeout(10):  # the server frees the lock a moment later
        while not enqueued.subjects:
            await enqueued.watch.step()
    assert enqueued.subjects == [recording]


@pytest.mark.parametrize(
    ("status", "is_revived"), [("queued", True), ("running", True), ("done", False), ("cancelled", False)]
)
async def test_a_report_without_a_job_gets_one(
    database: Database, enqueued: Enqueued, status: str, is_revived: bool
) -> None:
    recording, run = await recording_at(database, "done", None, "1 day"), uuid4()
    async with database.transaction() as connection:
        row = await (await connection.execute("SELECT owner_id FROM recordings")).fetchone()
        assert row is not None
        await connection.execute(_RUN, (run, recording, row["owner_id"], status))
    await enqueued.watch.step()
    await enqueued.watch.step()
    assert enqueued.subjects == ([recording, run] if is_revived else [])


@pytest.mark.parametrize(
    ("status", "job", "is_revived"),
    [("waiting", None, True), ("waiting", "todo", False), ("waiting", "doing", False), ("done", None, False)],
)
async def test_a_question_without_a_job_gets_one(
    database: Database, enqueued: Enqueued, status: str, job: str | None, is_revived: bool
) -> None:
    await recording_at(database, "done", None, "1 day")
    answer = uuid4()
    async with database.transaction() as connection:
        row = await (await connection.execute("SELECT owner_id FROM recordings")).fetchone()
        assert row is not None
        owner = UserId(row["owner_id"])
        await connection.execute(_ANSWER, {"owner": owner, "id": answer, "status": status})
        if job is not None:
            await connection.execute(_JOB, (answers_lock_of(owner), f"answer:{answer}", job))
    await enqueued.watch.step()
    await enqueued.watch.step()
    assert (enqueued.subjects, enqueued.owners) == (([answer], [owner]) if is_revived else ([], []))


@pytest.mark.parametrize(("state", "is_revived"), [("hearing", True), ("cancelled", False)])
async def test_a_voice_note_without_a_job_gets_one(
    database: Database, enqueued: Enqueued, state: str, is_revived: bool
) -> None:
    async with database.transaction() as connection:
        owner, words = (await add_recording(connection)).owner_id, uuid4()
        await connection.execute(_WORDS, {"owner": owner, "id": words, "state": state})
    await enqueued.watch.step()
    await enqueued.watch.step()
    assert enqueued.subjects == ([words] if is_revived else [])


async def test_a_research_without_a_job_gets_one_of_no_recording(database: Database, enqueued: Enqueued) -> None:
    async with database.transaction() as connection:
        owner, run = (await add_recording(connection)).owner_id, uuid4()
        await connection.execute(_RUN, (run, None, owner, "queued"))
    await enqueued.watch.step()
    await enqueued.watch.step()
    assert enqueued.subjects == [run]


@pytest.mark.parametrize("ended", [None, datetime(2026, 1, 1, tzinfo=UTC)])
async def test_a_text_that_nobody_says_gets_a_job(
    database: Database, enqueued: Enqueued, ended: datetime | None
) -> None:
    async with database.transaction() as connection:
        speech = uuid4()
        await connection.execute(_SPEECH, (speech, (await add_recording(connection)).owner_id, ended))
    await enqueued.watch.step()
    await enqueued.watch.step()
    assert enqueued.subjects == ([] if ended else [speech])
