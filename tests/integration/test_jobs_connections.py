"""A worker whose one attempt to connect to the database times out, as on a machine that is short of time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Any, cast
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from structlog.testing import capture_logs

import reports_store
import transcripts_store
from datamodels import Completion, ReportRunId, RunStatus, Segment, Transcript, UserId
from db import Database
from default_pack import PACK
from errors import VoxPersonaError
from jobs.context import Engines, JobContext
from jobs.queue import Jobs
from jobs.recordings import RecordingSteps
from jobs.reports import ReportSteps
from language_model.port import LanguageModel
from md_storage import ReportFiles
from object_store import ObjectStore
from openai_answers import SENTENCES, chat_answer
from recordings.originals import Originals
from recordings_factory import add_recording
from reports.archive import ReportArchive
from reports.orders import ReportOrders
from scripted_model import Call, ScriptedModel
from system.ending import end_tasks
from tcp_proxy import TcpProxy

LIMIT_S = 30.0
SOON_S = 10.0
"""In which a worker that ended works again on a machine at its limit; on an idle one that takes 0.6 s."""
TIMES_OUT_S = 2.0
"""How long an attempt to connect may take."""
_LOOKS_DEAD = "UPDATE procrastinate_workers SET last_heartbeat = now() - interval '10 seconds'"
_LISTENS = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND query ~ '^LISTEN'"
_END = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND query ~ %s
        AND (state = 'active' OR query ~ '^LISTEN')
"""


class SlowModel(ScriptedModel):
    """A model whose answers, all of which cost money, come when the test says."""

    def __init__(self) -> None:
        super().__init__(answer)
        self.paid: list[str] = []
        """What it was asked: it costs money, whether or not anybody waits for the answer."""
        self.is_asked = asyncio.Event()
        self.may_answer = asyncio.Event()

    async def complete(self, *given: Any, **more: Any) -> Completion:
        self.paid.append(str((given, more)))
        self.is_asked.set()
        await self.may_answer.wait()
        return await super().complete(*given, **more)

    async def language_model(self) -> LanguageModel:
        return self


def answer(call: Call) -> str | dict[str, Any]:
    if call.schema is not None:
        return {"items": []}
    return str(chat_answer([message.model_dump() for message in call.messages], None))


class Quick:
    """Other work, which takes no time."""

    is_quick = True

    def __init__(self) -> None:
        self.done: list[UUID] = []

    async def do(self, id_: UUID) -> datetime | None:
        self.done.append(id_)
        return None

    async def fail(self, id_: UUID, error: VoxPersonaError, again_at: datetime | None) -> None:
        raise AssertionError(f"{id_}: {error}, {again_at}")


class World:
    """A worker that reaches the database by a way that may fail, and someone who does not."""

    def __init__(self, database: Database, outside: psycopg.AsyncConnection[Any], way: TcpProxy, folder: Path) -> None:
        self.database, self._outside, self._way = database, outside, way
        self.model, self.quick, self.files = SlowModel(), Quick(), ReportFiles(folder)
        nothing, engines = cast("ObjectStore", None), cast("Engines", self.model)
        context = JobContext(database, nothing, cast("Originals", None), PACK, engines, folder, folder)
        steps = ReportSteps(context, self.files, ReportArchive(database, self.files, PACK))
        others = {"quick": self.quick}
        self.jobs = Jobs(database, cast("RecordingSteps", None), steps, concurrency=2, others=others)

    async def ask(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        cursor = await self._outside.execute(query.encode(), values or None)
        return [] if cursor.description is None else await cursor.fetchall()

    async def order(self) -> tuple[UserId, ReportRunId]:
        """Order a report; return whose it is, and its id."""
        segments = tuple(
            Segment(start=8 * number, end=8 * number + 7, text=text, speaker="S1", role="Клиент")
            for number, text in enumerate(SENTENCES)
        )
        transcript = Transcript(language="ru", engine="e", model="m", duration_s=96, speakers=1, segments=segments)
        async with self.database.transaction() as connection:
            recording = await add_recording(connection)
            await transcripts_store.save_transcript(connection, recording.id, transcript, "hash")

        async def stop(_: Sequence[ReportRunId]) -> bool:
            return False

        orders = ReportOrders(self.database, PACK, self.model.language_model, self.jobs.enqueue_report, stop)
        report = PACK.report("report_int_methodology")
        [run] = await orders.order_chosen(recording.owner_id, recording.id, [report], None)
        return recording.owner_id, run

    async def until_asked_in_vain(self, query: str, *values: object) -> None:
        """Do this again and again until the worker's next attempt to connect has timed out."""
        self._way.leave_unanswered(1)
        while not self._way.held_up.is_set():
            await self.ask(query, *values)
            await asyncio.sleep(0.05)
        await asyncio.sleep(TIMES_OUT_S + 0.2)

    async def break_off_a_fetch(self) -> None:
        """End the connection on which the worker looks for the next job, while it does."""
        await self.ask("BEGIN")
        await self.ask("LOCK TABLE procrastinate_jobs IN ACCESS EXCLUSIVE MODE")
        while not await self.ask(_END, "fetch_job"):
            await self.ask("SELECT pg_stat_clear_snapshot()")
            await asyncio.sleep(0.02)
        await self.ask("ROLLBACK")

    async def does_something_else(self) -> float:
        """Return after how many seconds other work is done that is ordered now."""
        began, id_ = monotonic(), uuid4()
        async with self.database.transaction() as connection:
            await self.jobs.enqueue_other("quick", connection, id_)
        await until(lambda: id_ in self.quick.done)
        return monotonic() - began


async def until(there: Callable[[], bool]) -> None:
    async with asyncio.timeout(LIMIT_S):
        while not there():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


@pytest.fixture
async def world(database_url: str, way: TcpProxy, tmp_path: Path) -> AsyncIterator[World]:
    async with AsyncExitStack() as opened:
        outside = await psycopg.AsyncConnection.connect(database_url, autocommit=True)
        opened.push_async_callback(outside.close)
        database = await Database.open(make_conninfo(database_url, host="127.0.0.1", port=way.port))
        opened.push_async_callback(database.close)
        made = World(database, outside, way, tmp_path)
        worker = asyncio.create_task(made.jobs.run_worker(None))
        opened.push_async_callback(end_tasks, [worker])
        yield made


async def fails_to_look(world: World) -> None:
    await world.until_asked_in_vain(_LOOKS_DEAD)


async def fails_to_listen(world: World) -> None:
    await world.until_asked_in_vain(_END, "^LISTEN")


async def ends(world: World) -> None:
    await world.break_off_a_fetch()
    await until(lambda: not world.jobs.is_working)
    began = monotonic()
    await until(lambda: world.jobs.is_working)
    assert monotonic() - began < SOON_S


@pytest.mark.parametrize("happens", [fails_to_look, fails_to_listen, ends])
async def test_work_is_done_and_paid_once_though_a_connection_fails(
    world: World, happens: Callable[[World], Awaitable[None]]
) -> None:
    owner, run = await world.order()
    await asyncio.wait_for(world.model.is_asked.wait(), LIMIT_S)
    with capture_logs() as logged:
        await happens(world)
    assert ("worker_waits" in {line["event"] for line in logged}) is (happens is ends)
    assert await world.does_something_else() < SOON_S

    world.model.may_answer.set()
    async with asyncio.timeout(LIMIT_S):
        while await world.ask("SELECT 1 FROM procrastinate_jobs"):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert len(world.model.paid) == len(set(world.model.paid)) == len(world.model.calls)
    async with world.database.transaction() as connection:
        assert (await reports_store.get_run(connection, run)).status is RunStatus.DONE
    assert [report.id for report in await world.files.list(owner)] == [run]


async def test_a_worker_listens_again(world: World) -> None:
    await world.does_something_else()
    await fails_to_listen(world)
    async with asyncio.timeout(LIMIT_S):
        while not await world.ask(_LISTENS):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
