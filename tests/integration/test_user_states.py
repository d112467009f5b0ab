import asyncio
import gc
from datetime import UTC, datetime, timedelta
from uuid import uuid4
from weakref import ref

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb
from structlog.testing import capture_logs

import dialogs
import user_states
from datamodels import RecordingId, ScenarioId, UserId
from db import Connection, Database
from dialogs import Dialog, OpenDialog, ReportDialog, Step
from recordings_factory import add_user
from user_states import State

NOW = datetime(2026, 11, 3, 12, 0, tzinfo=UTC)
TTL = timedelta(hours=1)
DIALOG = Dialog(step=Step.ASK_CITY, recording_id=RecordingId(uuid4()), skipped=("zone",), tries=2)
LATER = DIALOG.model_copy(update={"step": Step.CONFIRM_DATA})


class Mode(user_states.State):
    """A piece of state beside the dialogs."""

    KEY = "mode"
    scenario: ScenarioId


MODE = Mode(scenario=ScenarioId("interview"))

states = st.one_of(
    st.builds(Mode, scenario=st.text("abc_", min_size=1, max_size=9).map(ScenarioId)),
    st.builds(
        ReportDialog,
        step=st.sampled_from(sorted(ReportDialog.STEPS)),
        number=st.none() | st.integers(1, 9),
    ),
    st.builds(
        Dialog,
        step=st.sampled_from(sorted(Dialog.STEPS)),
        recording_id=st.uuids().map(RecordingId),
        skipped=st.lists(st.sampled_from(["zone", "city"]), max_size=2).map(tuple),
        tries=st.integers(0, 3),
    ),
)


@pytest.fixture
async def user(connection: Connection) -> UserId:
    return await add_user(connection)


async def test_a_state_comes_back_as_it_was_put(connection: Connection, user: UserId) -> None:
    assert await user_states.get(connection, user, Dialog) is None
    await user_states.put(connection, user, DIALOG)
    assert await user_states.get(connection, user, Dialog) == DIALOG


async def test_states_of_other_keys_and_people_are_left_alone(connection: Connection, user: UserId) -> None:
    other = await add_user(connection)
    await user_states.put(connection, user, MODE)
    await user_states.put(connection, other, DIALOG)
    await user_states.put(connection, user, LATER)
    await user_states.drop(connection, user, Dialog)
    assert await user_states.get(connection, user, Mode) == MODE
    assert await user_states.get(connection, other, Dialog) == DIALOG
    assert await user_states.get(connection, user, Dialog) is None


async def test_a_state_is_gone_when_its_time_is_over(connection: Connection, user: UserId) -> None:
    await user_states.put(connection, user, DIALOG, ttl=TTL, now=NOW)
    assert await user_states.get(connection, user, Dialog, now=NOW + TTL - timedelta(seconds=1)) == DIALOG
    assert await user_states.get(connection, user, Dialog, now=NOW + TTL) is None
    assert await user_states.get(connection, user, Dialog, now=NOW) is None, "the row was not removed"


async def test_without_a_given_time_the_clock_of_the_database_counts(connection: Connection, user: UserId) -> None:
    await user_states.put(connection, user, DIALOG, ttl=TTL)
    assert await user_states.get(connection, user, Dialog) == DIALOG
    await user_states.put(connection, user, DIALOG, ttl=TTL, now=NOW - timedelta(days=10_000))
    assert await user_states.get(connection, user, Dialog) is None


async def test_a_state_of_an_earlier_version_is_none_and_removed_and_not_repeated_in_the_log(
    connection: Connection, user: UserId
) -> None:
    await user_states.put(connection, user, DIALOG)
    await connection.execute(
        "UPDATE user_states SET value = %s WHERE user_id = %s", (Jsonb({"step": "ask_secret", "name": "Ёлкина"}), user)
    )
    with capture_logs() as logs:
        assert await user_states.get(connection, user, Dialog) is None
    assert [line["event"] for line in logs] == ["state_unreadable"]
    assert "secret" not in str(logs)
    assert "Ёлкина" not in str(logs)
    cursor = await connection.execute("SELECT 1 FROM user_states WHERE user_id = %s", (user,))
    assert await cursor.fetchone() is None


async def test_a_person_is_in_one_dialog_of_whatever_kind_and_asking_for_the_other_leaves_it_alone(
    connection: Connection, user: UserId
) -> None:
    reports = ReportDialog(step=Step.REPORT_VIEW_ASK_NUMBER, number=5)
    await user_states.put(connection, user, DIALOG)
    await user_states.put(connection, user, reports)
    assert await user_states.get(connection, user, Dialog) is None
    assert not await user_states.advance(connection, user, None, DIALOG)
    assert await user_states.get(connection, user, ReportDialog) == reports
    assert await user_states.get(connection, user, OpenDialog) == OpenDialog(step=Step.REPORT_VIEW_ASK_NUMBER)


async def test_a_step_goes_on_only_from_the_step_before(connection: Connection, user: UserId) -> None:
    assert not await user_states.advance(connection, user, DIALOG, LATER)
    assert await user_states.advance(connection, user, None, DIALOG)
    assert not await user_states.advance(connection, user, None, LATER)
    assert not await user_states.advance(connection, user, LATER, DIALOG)
    assert await user_states.get(connection, user, Dialog) == DIALOG
    assert await user_states.advance(connection, user, DIALOG, LATER)
    assert await user_states.get(connection, user, Dialog) == LATER


async def test_an_expired_step_does_not_go_on(connection: Connection, user: UserId) -> None:
    await user_states.put(connection, user, DIALOG, ttl=TTL, now=NOW)
    assert not await user_states.advance(connection, user, DIALOG, LATER, now=NOW + TTL)
    assert await user_states.advance(connection, user, None, LATER, now=NOW + TTL)


async def test_states_of_two_keys_are_not_exchanged(connection: Connection, user: UserId) -> None:
    with pytest.raises(ValueError, match="different pieces"):
        await user_states.advance(connection, user, MODE, DIALOG)


@pytest.mark.parametrize("before", [None, DIALOG])
async def test_of_two_handlers_at_the_same_step_one_goes_on(shared_database: Database, before: Dialog | None) -> None:
    async with shared_database.transaction() as connection:
        user = await add_user(connection)
        if before is not None:
            await user_states.put(connection, user, before)

    async def go_on(tries: int) -> bool:
        async with shared_database.transaction() as connection:
            return await user_states.advance(connection, user, before, LATER.model_copy(update={"tries": tries}))

    assert sorted(await asyncio.gather(*(go_on(tries) for tries in range(4)))) == [False, False, False, True]


@given(
    changes=st.lists(
        st.tuples(st.sampled_from(["put", "drop", "advance"]), states, st.one_of(st.none(), states)),
        max_size=12,
    )
)
@settings(deadline=None, max_examples=60)
async def test_the_pieces_behave_like_a_dictionary(
    shared_database: Database, changes: list[tuple[str, State, State | None]]
) -> None:
    async with shared_database.pool.connection() as connection, connection.transaction(force_rollback=True):
        user = await add_user(connection)
        expected: dict[str, State] = {}
        for change, value, before in changes:
            now = expected.get(value.KEY)
            if change == "put":
                await user_states.put(connection, user, value)
                expected[value.KEY] = value
            elif change == "drop":
                await user_states.drop(connection, user, type(value))
                expected.pop(value.KEY, None)
            elif before is None or before.KEY == value.KEY:
                assert await user_states.advance(connection, user, before, value) == (now == before)
                if now == before:
                    expected[value.KEY] = value
            for model in (Dialog, ReportDialog, Mode):
                there = expected.get(model.KEY)
                assert await user_states.get(connection, user, model) == (there if isinstance(there, model) else None)


async def test_a_person_has_one_lock_while_somebody_has_it_and_none_afterwards() -> None:
    user = UserId(uuid4())
    lock = dialogs.get_user_lock(user)
    async with lock:
        assert dialogs.get_user_lock(user) is lock
        assert dialogs.get_user_lock(UserId(uuid4())) is not lock
    freed = ref(lock)
    del lock
    gc.collect()
    assert freed() is None


async def test_what_is_done_under_a_persons_lock_is_done_one_after_another() -> None:
    user = UserId(uuid4())
    inside = 0

    async def work() -> None:
        nonlocal inside
        async with dialogs.get_user_lock(user):
            inside += 1
            assert inside == 1
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*(work() for _ in range(5)))
