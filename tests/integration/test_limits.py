"""What is reserved, used and given back of people's limits, whatever happens to the work and however often."""

import asyncio
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chat_history
import recordings_store
import reports_store
import speeches.store
import transcripts_store
from avatars import orders_store
from avatars.models import OrderId, OrderState, Paid
from conversations.postgres import PostgresStorage
from datamodels import (
    NewReportRun,
    PartPlan,
    PartTranscript,
    Recording,
    RecordingId,
    ReportId,
    ReportOutcome,
    ReportRunId,
    Role,
    ScenarioId,
    Stage,
    Usage,
    UserId,
)
from datamodels_chats import AnswerId, AnswerOutcome, Basis, Conversation, Occasion
from db import Connection, Database
from errors_of_operation import LimitReached
from jobs.context import StoredParts
from limits import store
from limits.reservations import (
    check_storage,
    reserve_image,
    reserve_question,
    reserve_recording,
    reserve_report,
    reserve_speech,
    spend,
    spend_money,
)
from limits.values import Resource, this_month
from provider_calls.fal.queue import Sent
from recordings_factory import add_user, new_recording
from speeches.store import NewSpeech, SpeechOf

LIMIT = {"recording": 1000, "report": 1000, "question": 3, "speech": 1000, "image": 1000}
RESOURCES = {
    "recording": Resource.SOUND,
    "report": Resource.TOKENS,
    "question": Resource.QUESTIONS,
    "speech": Resource.MONEY,
    "image": Resource.MONEY,
}
OUTCOME = ReportOutcome(
    number=None, text="", indices=None, indices_error=None, warnings=(), usage=Usage(), cost_usd=None, duration_s=1
)
_keys = count()


class _Killed(Exception):
    """The process of this module's test ends before its transaction does."""


@dataclass
class Work:
    """What is known of a piece of work of one ``kind``: amounts as they should be, and whether half of it was paid."""

    id: UUID
    recording: Recording | None = None
    run: NewReportRun | None = None
    reserved: int = 0
    used: int = 0
    state: str = "released"
    heard: bool = False
    is_gone: bool = False

    @property
    def counted(self) -> int:
        return max(self.reserved, self.used) if self.state == "reserved" else self.used


@dataclass
class World:
    """The work of one person, all of one kind, in the database and as it should be."""

    connection: Connection
    owner: UserId
    kind: str
    works: list[Work] = field(default_factory=list)

    async def begin(self, amount: int, *, killed: bool) -> None:
        making = {
            "recording": self._recording,
            "report": self._report,
            "question": self._question,
            "speech": self._speech,
            "image": self._image,
        }
        work = await making[self.kind](amount)
        self.works.append(work)
        await self.reserve(work, amount, killed=killed)

    async def _recording(self, amount: int) -> Work:
        recording = await recordings_store.insert_recording(self.connection, new_recording(self.owner))
        parts = {
            "a": PartPlan(start=0, end=amount / 2, position=0),
            "b": PartPlan(start=amount / 2, end=amount, position=1),
        }
        await transcripts_store.plan_parts(self.connection, recording.id, parts)
        return Work(recording.id, recording)

    async def _report(self, amount: int) -> Work:  # noqa: ARG002
        recording = await recordings_store.insert_recording(self.connection, new_recording(self.owner))
        run = new_run(recording)
        return Work((await reports_store.queue_run(self.connection, run)).id, recording, run)

    async def _question(self, amount: int) -> Work:  # noqa: ARG002
        chat = await chat_history.create_chat(self.connection, self.owner)
        occasion = Occasion(door="limits", key=str(next(_keys)))
        return Work(await chat_history.add_question(self.connection, chat, occasion, "?", "?", None))

    async def _speech(self, amount: int) -> Work:  # noqa: ARG002
        new = NewSpeech(
            id=uuid4(),
            owner_id=self.owner,
            kind=SpeechOf.TEXT,
            answer_id=None,
            run_id=None,
            title="t",
            text="t",
            is_whole=True,
            voice="v",
            key=str(next(_keys)),
            pieces=2,
        )
        await speeches.store.insert(self.connection, new)
        return Work(new.id)

    async def _image(self, amount: int) -> Work:
        id_, occasion = uuid4(), str(next(_keys))
        await self.connection.execute(
            "INSERT INTO image_orders (id, owner_id, kind, number, occasion, trainer, price_usd, is_test) "
            "VALUES (%s, %s, 'training', %s, %s, 't', %s, false)",
            (id_, self.owner, int(occasion), occasion, amount),
        )
        return Work(id_)

    async def reserve(self, work: Work, amount: int, *, killed: bool) -> None:
        """Reserve, for the first time or once more; the process may be killed before that is committed."""
        amount = 1 if self.kind == "question" else amount
        others = sum(each.counted for each in self.works if each is not work)
        fits = others < LIMIT[self.kind] and others + max(amount, work.used) <= LIMIT[self.kind]
        fits = fits or work.state == "done" or (work.state == "reserved" and amount <= work.reserved)
        try:
            async with self.connection.transaction():
                await self._reserve(work, amount)
                if killed:
                    raise _Killed  # noqa: TRY301
        except _Killed:
            assert fits
        except LimitReached:
            assert not fits
        else:
            assert fits
            if work.state != "done":
                work.reserved, work.state = amount, "reserved"

    async def _reserve(self, work: Work, amount: int) -> None:
        """Take work up again as the product does, and reserve for it."""
        if self.kind == "recording":
            await recordings_store.go_on(self.connection, RecordingId(work.id))
            wanted = {Resource.SOUND: Decimal(amount)}
            await reserve_recording(self.connection, self.owner, RecordingId(work.id), "ru", wanted)
        elif work.run is not None:
            await reports_store.queue_run(self.connection, work.run)
            usage = Usage(prompt_tokens=amount)
            await reserve_report(self.connection, self.owner, ReportRunId(work.id), usage, Decimal(0))
        elif self.kind == "speech":
            await self.connection.execute(
                "UPDATE speeches SET ended_at = NULL WHERE id = %s AND sound IS NULL", (work.id,)
            )
            await reserve_speech(self.connection, self.owner, work.id, "t", Decimal(amount))
        elif self.kind == "image":
            await reserve_image(self.connection, self.owner, work.id, "a", Decimal(amount), is_picture=False)
        else:
            query = "UPDATE chat_answers SET status = 'waiting' WHERE id = %s AND status = 'failed'"
            await self.connection.execute(query, (work.id,))
            await reserve_question(self.connection, self.owner, AnswerId(work.id), "?")

    async def pay(self, work: Work, amount: int) -> None:
        """Have an engine hear the first half of a recording, or a model answer."""
        if self.kind == "recording":
            heard = PartTranscript(language="ru", segments=())
            await transcripts_store.store_part_result(self.connection, RecordingId(work.id), "a", heard, 1.0)
            work.heard = True
        elif self.kind == "report":
            await spend(self.connection, work.id, Usage(completion_tokens=amount), Decimal(0))
            work.used += amount
        elif self.kind == "speech":
            await spend_money(self.connection, work.id, Decimal(amount))
            work.used += amount

    async def end(self, work: Work, how: str) -> None:
        if how == "done" and work.state != "reserved":
            return  # nobody works on it
        ending = {
            "recording": self._end_recording,
            "report": self._end_report,
            "question": self._end_question,
            "speech": self._end_speech,
            "image": self._end_image,
        }
        await ending[self.kind](work, how)
        if self.kind == "image" and how == "deleted":
            how = "done"  # it may be paid
        if work.state == "reserved":
            half = work.reserved // 2 if work.heard else 0
            used = {"recording": work.reserved, "question": 1, "image": work.reserved}.get(self.kind, work.used)
            work.used = used if how == "done" else max(half, work.used)
            work.state = "done" if how == "done" else "released"
        # Whoever gives a speech up deletes it.
        work.is_gone = how == "deleted" or (self.kind == "speech" and how == "cancelled")

    async def _end_recording(self, work: Work, how: str) -> None:
        id_ = RecordingId(work.id)
        if how == "done" and work.recording is not None:
            await recordings_store.set_stage(self.connection, work.recording, Stage.TRANSCRIBED, 1)
        elif how == "failed":
            await recordings_store.record_failure(self.connection, id_, "no_speech", "", None)
        elif how == "cancelled":
            await recordings_store.cancel(self.connection, id_)
        elif how == "deleted":
            await recordings_store.delete_recording(self.connection, id_)

    async def _end_report(self, work: Work, how: str) -> None:
        run = ReportRunId(work.id)
        if how == "done":
            await reports_store.finish_run(self.connection, run, OUTCOME)
        elif how == "failed":
            await reports_store.fail_run(self.connection, run, "provider_error", "")
        elif how == "cancelled":
            await reports_store.cancel_runs(self.connection, [run])
        elif work.recording is not None:
            await recordings_store.delete_recording(self.connection, work.recording.id)

    async def _end_question(self, work: Work, how: str) -> None:
        answer = AnswerId(work.id)
        if how == "done":
            outcome = AnswerOutcome(basis=Basis.NOTHING, text="нет")
            await chat_history.finish_answer(self.connection, self.owner, answer, outcome)
        elif how == "deleted":
            await self.connection.execute("DELETE FROM chat_answers WHERE id = %s", (answer,))
        else:
            await chat_history.fail_answer(self.connection, answer, "provider_error")

    async def _end_speech(self, work: Work, how: str) -> None:
        if how == "done":
            await speeches.store.finish(self.connection, work.id, b"sound", 1)
        elif how == "failed":
            await speeches.store.fail(self.connection, work.id, "provider_error", "", None)
        else:
            await speeches.store.delete(self.connection, self.owner, work.id)

    async def _end_image(self, work: Work, how: str) -> None:
        id_ = OrderId(work.id)
        if how == "done":
            await orders_store.begin_sending(self.connection, id_)
            await orders_store.note_sent(self.connection, id_, Sent(str(id_), "", "", ""))
            await orders_store.complete(self.connection, id_, "key")
        else:
            paid = Paid.MAYBE if how == "deleted" else Paid.NO
            state = OrderState.CANCELLED if how == "cancelled" else OrderState.FAILED
            await orders_store.end(self.connection, id_, state, None, paid)

    async def check(self) -> None:
        used = (await store.used(self.connection, self.owner, this_month())).get(RESOURCES[self.kind], Decimal(0))
        assert used == sum(work.counted for work in self.works)
        assert self.kind in {"report", "speech"} or used <= LIMIT[self.kind], "more was let through than fits"


def new_run(recording: Recording) -> NewReportRun:
    return NewReportRun(
        recording_id=recording.id,
        owner_id=recording.owner_id,
        scenario=ScenarioId("interview"),
        report_id=ReportId("report_int_links"),
        building=None,
        input_hash=uuid4().hex,
        prompt_hash="p",
        model="m",
        passes_total=1,
    )


async def set_limits(connection: Connection, owner: UserId, **amounts: int) -> None:
    for name, amount in amounts.items():
        await store.set_for_person(connection, owner, Resource(name), Decimal(amount), own=True)


changes = st.tuples(
    st.sampled_from(["begin", "begin", "again", "again", "pay", "done", "done", "failed", "cancelled", "deleted"]),
    st.integers(0, 3),
    st.sampled_from([100, 300, 600, 1100]),
    st.sampled_from([False, False, True]),
)


@pytest.mark.parametrize("kind", sorted(LIMIT))
@given(history=st.lists(changes, min_size=4, max_size=16))
@settings(deadline=None, max_examples=15)
async def test_what_counts_is_what_live_work_has_reserved_and_ended_work_has_used(
    shared_database: Database, kind: str, history: Sequence[tuple[str, int, int, bool]]
) -> None:
    async with shared_database.pool.connection() as connection, connection.transaction(force_rollback=True):
        world = World(connection, await add_user(connection), kind)
        await set_limits(connection, world.owner, **{RESOURCES[kind]: LIMIT[kind]})
        for change, place, amount, killed in history:
            works = [work for work in world.works if not work.is_gone]
            if change == "begin":
                await world.begin(amount, killed=killed)
            elif works:
                work = works[place % len(works)]
                if change == "again" and (kind != "image" or work.state == "reserved"):
                    await world.reserve(work, amount, killed=killed)
                elif change == "pay":
                    await world.pay(work, amount)
                elif change != "again":
                    await world.end(work, change)
            await world.check()


@pytest.mark.parametrize(
    ("begun", "heard", "failed", "counted"),
    [(False, None, False, 0), (True, None, False, 60), (True, 0.25, False, 15), (True, None, True, 0)],
    ids=["waits", "in flight", "heard so far", "refused"],
)
@pytest.mark.parametrize("is_deleted", [False, True])
async def test_a_part_that_was_in_flight_when_its_process_was_killed_counts(  # what became of it
    shared_database: Database, begun: bool, heard: float | None, failed: bool, counted: int, is_deleted: bool
) -> None:
    async with shared_database.transaction() as connection:
        owner = await add_user(connection)
        recording = await recordings_store.insert_recording(connection, new_recording(owner))
        plan = {"a": PartPlan(start=0, end=60, position=0), "b": PartPlan(start=60, end=100, position=1)}
        await transcripts_store.plan_parts(connection, recording.id, plan)
        await reserve_recording(connection, owner, recording.id, "ru", {Resource.SOUND: Decimal(100)})
    parts = StoredParts(shared_database, recording.id)
    if begun:
        await parts.begin("a")
    if heard is not None:
        await parts.save_heard("a", heard)
    if failed:
        await parts.save_failure("a", "provider_unavailable", 1.0)
    async with shared_database.transaction() as connection:
        assert (await store.used(connection, owner, this_month()))[Resource.SOUND] == 100, "it may go on"
        if is_deleted:
            await recordings_store.delete_recording(connection, recording.id)
        else:
            await recordings_store.cancel(connection, recording.id)
        assert (await store.used(connection, owner, this_month()))[Resource.SOUND] == counted


async def test_of_twenty_that_come_at_once_as_many_get_through_as_fit(shared_database: Database) -> None:
    async with shared_database.transaction() as connection:
        owner = await add_user(connection)
        await set_limits(connection, owner, questions=7)

    async def ask(answer: AnswerId) -> bool:
        try:
            async with shared_database.transaction() as connection:
                await reserve_question(connection, owner, answer, "?")
        except LimitReached:
            return False
        return True

    assert sum(await asyncio.gather(*(ask(AnswerId(uuid4())) for _ in range(20)))) == 7
    async with shared_database.transaction() as connection:
        assert (await store.used(connection, owner, this_month()))[Resource.QUESTIONS] == 7


async def test_what_a_deleted_question_was_paid_counts_once(shared_database: Database) -> None:
    async with shared_database.transaction() as connection:
        owner, other = await add_user(connection), await add_user(connection)
        chat = await chat_history.create_chat(connection, owner)
        answer = await chat_history.add_question(
            connection, chat, Occasion(door="limits", key=str(next(_keys))), "?", "?", None
        )
        await reserve_question(connection, owner, answer, "?")
        await connection.execute("DELETE FROM chat_answers WHERE id = %s", (answer,))
    usage = Usage(prompt_tokens=900, completion_tokens=100)
    outcome = AnswerOutcome(basis=Basis.NOTHING, text="нет", model="gpt-4o", usage=usage)
    late = Conversation(answer_id=answer, owner_id=owner, question="?", outcome=outcome, created_at=datetime.now(UTC))
    for _ in range(2):
        assert not await PostgresStorage(shared_database).add_conversation(late)
    async with shared_database.transaction() as connection:
        used = await store.used(connection, owner, this_month())
        assert used[Resource.TOKENS] == 1000
        assert used[Resource.MONEY] == Decimal("0.00325")
        assert used[Resource.QUESTIONS] == 0
        assert not await store.used(connection, other, this_month())


async def test_the_same_recording_in_another_language_is_other_work(connection: Connection) -> None:
    owner = await add_user(connection)
    recording = await recordings_store.insert_recording(connection, new_recording(owner))
    wanted = {Resource.SOUND: Decimal(100)}
    await reserve_recording(connection, owner, recording.id, "ru", wanted)
    english = recording.request.model_copy(update={"language": "en"})
    again = await recordings_store.update_request(connection, recording.id, english, restart=True)
    assert await store.used(connection, owner, this_month()) == {Resource.SOUND: 0}, "Russian is not heard any more"
    await reserve_recording(connection, owner, recording.id, "en", wanted)
    await recordings_store.set_stage(connection, again, Stage.TRANSCRIBED, 1)
    await reserve_recording(connection, owner, recording.id, "en", {Resource.SOUND: Decimal(200)})
    assert await store.used(connection, owner, this_month()) == {Resource.SOUND: 100}


async def test_what_fits_into_another_month_is_told_when_that_begins(connection: Connection) -> None:
    owner = await add_user(connection)
    await set_limits(connection, owner, sound=600, tokens=600)
    for amount, told in ((500, ""), (200, "Запись сохранена: продолжу 1 "), (700, "пришлите её частями")):
        recording = await recordings_store.insert_recording(connection, new_recording(owner))
        with pytest.raises(LimitReached) if told else nullcontext() as refused:
            await reserve_recording(connection, owner, recording.id, "ru", {Resource.SOUND: Decimal(amount)})
        assert refused is None or told in refused.value.user_text
    await connection.execute("UPDATE limit_uses SET month = month - interval '1 month'")
    await reserve_recording(connection, owner, recording.id, "ru", {Resource.SOUND: Decimal(600)})


async def test_files_on_their_way_take_their_place_and_a_limit_of_ones_own_comes_before_the_role(
    connection: Connection,
) -> None:
    owner, other = await add_user(connection), await add_user(connection)
    await store.set_for_role(connection, Role.USER, Resource.STORAGE, Decimal(40_000_000))
    await check_storage(connection, owner, 40_000_000)
    await recordings_store.insert_recording(connection, new_recording(owner))  # of 38,000,000 bytes
    await connection.execute(
        "INSERT INTO web_uploads (id, owner_id, file_name, size_bytes, scenario, state)"
        " VALUES (%s, %s, 'a.ogg', 1500000, 'none', 'receiving')",
        (uuid4(), owner),
    )
    await connection.execute(
        "INSERT INTO documents (id, owner_id, name, sha256, text) "
        "VALUES (gen_random_uuid(), %s, 'a', repeat('e', 64), %s)",
        (owner, "регламент" * 1000),  # 18,000 bytes
    )
    await check_storage(connection, owner, 482_000)
    with pytest.raises(LimitReached):
        await check_storage(connection, owner, 482_001)
    await connection.execute("DELETE FROM documents")
    await check_storage(connection, owner, 500_000)
    with pytest.raises(LimitReached) as refused:
        await check_storage(connection, owner, 500_001)
    assert refused.value.user_text.startswith("Предел исчерпан: место для ваших файлов, занято 38 МБ из 38 МБ")
    await check_storage(connection, other, 40_000_000)
    await store.set_for_person(connection, owner, Resource.STORAGE, None, own=True)
    await check_storage(connection, owner, 1 << 40)
    await connection.execute("UPDATE users SET role = 'super_admin' WHERE id = %s", (other,))
    await set_limits(connection, other, storage=1)
    await check_storage(connection, other, 1 << 40)
