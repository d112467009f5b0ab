"""Adds jobs to accepted work that has not ended and has no job any more, so that nothing stands still for ever.

Such work should not exist. It is logged as an error, so that somebody looks for the race that lost its job; the person
should not have to wait for that.
"""

from collections.abc import Awaitable, Callable
from typing import Any, LiteralString, NamedTuple, Never
from uuid import UUID

import structlog

from datamodels import RecordingId, ReportRunId, UserId
from datamodels_chats import AnswerId
from db import Connection, Database
from followers import Loop
from jobs.rows import answers_lock_of, lock_of

log = structlog.get_logger(__name__)

_PERIOD_S = 15.0
_AGE_S = 60.0
"""The fewest seconds after which work counts as stranded: its job may be added in the transaction after its own."""
_AT_ONCE = 100
_PARAMETERS = {"age_s": _AGE_S}

# A job waits under its queueing lock, and runs under its lock: both have an index.
_HAS_NO_JOB = """
    NOT EXISTS (SELECT FROM procrastinate_jobs AS jobs WHERE jobs.status = 'todo' AND jobs.queueing_lock = {waits})
    AND NOT EXISTS (SELECT FROM procrastinate_jobs AS jobs WHERE jobs.status = 'doing' AND jobs.lock = {runs})
"""
_OF_SUBJECT = _HAS_NO_JOB.format(waits="'subject:' || work.id", runs="'subject:' || work.id")
_OLD = "< now() - make_interval(secs => %(age_s)s)"
_RECORDING = f"""
    SELECT work.id FROM recordings AS work
    WHERE stage <> 'done' AND error_code IS NULL AND updated_at {_OLD} AND {_OF_SUBJECT}
"""  # noqa: S608 - put together from constants, as the next two
_RUN = f"""
    SELECT work.id, recording_id FROM report_runs AS work
    WHERE status IN ('queued', 'running') AND created_at {_OLD} AND {_OF_SUBJECT}
"""  # noqa: S608
_ANSWER = f"""
    SELECT work.id, owner_id FROM chat_answers AS work JOIN chat_questions ON chat_questions.id = question_id
    WHERE status = 'waiting' AND work.created_at {_OLD}
        AND {_HAS_NO_JOB.format(waits="'answer:' || work.id", runs="'answers:' || owner_id")}
"""  # noqa: S608

_WORDS = f"""
    SELECT work.id FROM spoken_words AS work JOIN incoming_files AS incoming ON incoming.id = incoming_id
    WHERE sound IS NOT NULL AND state = 'hearing' AND finished_at IS NULL AND created_at {_OLD} AND {_OF_SUBJECT}
"""  # noqa: S608
_SPEECH = f"""
    SELECT work.id FROM speeches AS work WHERE ended_at IS NULL AND created_at {_OLD} AND {_OF_SUBJECT}
"""  # noqa: S608
_IMAGES = f"""
    SELECT work.id FROM image_orders AS work WHERE ended_at IS NULL AND created_at {_OLD} AND {_OF_SUBJECT}
"""  # noqa: S608

_FIRST = f" LIMIT {_AT_ONCE}"
_THIS = " AND work.id = %(id)s FOR NO KEY UPDATE OF work"

EnqueueRecording = Callable[[Connection, RecordingId], Awaitable[None]]
EnqueueReport = Callable[[Connection, RecordingId | None, ReportRunId], Awaitable[None]]
EnqueueAnswer = Callable[[Connection, UserId, AnswerId], Awaitable[None]]
EnqueueOther = Callable[[Connection, UUID], Awaitable[None]]
Row = dict[str, Any]


class _Work(NamedTuple):
    """Work that ``query`` finds without a job; ``enqueue`` adds one. Whoever does the work holds ``lock``."""

    id: UUID
    query: LiteralString
    lock: str
    enqueue: Callable[[Connection], Awaitable[None]]


class StrandedWork:
    """Adds jobs to work that two looks in a row, 15 seconds apart, find without one."""

    def __init__(
        self,
        database: Database,
        recording: EnqueueRecording,
        report: EnqueueReport,
        answer: EnqueueAnswer,
        words: EnqueueOther,
        speech: EnqueueOther,
        images: EnqueueOther,
    ) -> None:
        self._database = database
        self._recording = recording
        self._report = report
        self._answer = answer
        self._others = {_WORDS: words, _SPEECH: speech, _IMAGES: images}
        self._seen: set[UUID] = set()

    async def run(self) -> Never:
        """Look until cancelled."""
        await Loop("stranded", _PERIOD_S).run(self.step)

    async def step(self) -> None:
        """Look once. Work that goes on without its job, in a process that had lost the database, is left alone."""
        async with self._database.transaction() as connection:
            works = [
                *[self._recording_of(row) async for row in await connection.execute(_RECORDING + _FIRST, _PARAMETERS)],
                *[self._report_of(row) async for row in await connection.execute(_RUN + _FIRST, _PARAMETERS)],
                *[self._answer_of(row) async for row in await connection.execute(_ANSWER + _FIRST, _PARAMETERS)],
            ]
            for query in self._others:
                rows = await connection.execute(query + _FIRST, _PARAMETERS)
                works += [self._other_of(row, query) async for row in rows]
        seen, self._seen = self._seen, {work.id for work in works}
        for work in works:
            if work.id in seen:
                await self._revive(work)

    def _recording_of(self, row: Row) -> _Work:
        recording = RecordingId(row["id"])
        return _Work(
            recording, _RECORDING, lock_of(recording), lambda connection: self._recording(connection, recording)
        )

    def _report_of(self, row: Row) -> _Work:
        recording, run = row["recording_id"], ReportRunId(row["id"])
        return _Work(run, _RUN, lock_of(run), lambda connection: self._report(connection, recording, run))

    def _answer_of(self, row: Row) -> _Work:
        owner, answer = UserId(row["owner_id"]), AnswerId(row["id"])
        return _Work(
            answer, _ANSWER, answers_lock_of(owner), lambda connection: self._answer(connection, owner, answer)
        )

    def _other_of(self, row: Row, query: LiteralString) -> _Work:
        id_, enqueue = row["id"], self._others[query]
        return _Work(id_, query, lock_of(id_), lambda connection: enqueue(connection, id_))

    async def _revive(self, work: _Work) -> None:
        async with self._database.locks.tried(work.lock) as free:
            if free:
                async with self._database.transaction() as connection:
                    cursor = await connection.execute(work.query + _THIS, {**_PARAMETERS, "id": work.id})
                    if await cursor.fetchone() is None:
                        return  # it was cancelled, deleted or done since the look
                    await work.enqueue(connection)
                log.error("work_without_job", lock=work.lock, id=str(work.id))
