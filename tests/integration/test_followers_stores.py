"""The stores of the followers on a real PostgreSQL: what is put in once is there once, and nobody sees another's."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

import cards_store
import incoming_store
import metadata_store
import outbox_store
import recording_wizard_store
import user_states
from constants import NO_SCENARIO
from datamodels import Recording, ReportRunId, ScenarioId, UserId
from datamodels_telegram import (
    AttachedFile,
    ChatId,
    FileKind,
    IncomingFile,
    IncomingMessage,
    IncomingState,
    MessageId,
    MessageKind,
    OutgoingMessage,
    Screen,
    TelegramPerson,
    WizardStep,
)
from db import Connection
from dialogs import Dialog, Step
from errors import NotFound
from recordings_factory import add_recording, add_user

CHAT = ChatId(1_000_001)
HELLO = OutgoingMessage(kind=MessageKind.RESULT, screen=Screen(text="Здравствуйте"))
WORLD = OutgoingMessage(kind=MessageKind.RESULT, screen=Screen(text="мир"))


def message(message_id: int = 7) -> IncomingMessage:
    return IncomingMessage(
        chat_id=CHAT,
        message_id=MessageId(message_id),
        person=TelegramPerson(id=CHAT, name="Мария"),
        text="17\n2026.11.03",
        file=AttachedFile(kind=FileKind.DOCUMENT, file_name="Интервью 17.ogg", size_bytes=38_000_000),
    )


async def add_file(connection: Connection, owner: UserId, message_id: int = 7) -> IncomingFile:
    return await incoming_store.add(connection, owner, message(message_id), None)


async def mine(connection: Connection, owner: UserId) -> list[IncomingFile]:
    return [each for each in await incoming_store.list_open(connection) if each.owner_id == owner]


async def test_the_same_message_gives_the_same_file_and_the_same_card(connection: Connection) -> None:
    owner = await add_user(connection)
    first = await add_file(connection, owner)
    again = await add_file(connection, owner)
    cards = [await cards_store.add_incoming_card(connection, each) for each in (first, again)]
    assert first == again
    assert first.state is IncomingState.WAITING
    assert first.file == message().file
    assert cards[0] == cards[1]


async def test_a_file_is_nobody_elses(connection: Connection) -> None:
    file = await add_file(connection, await add_user(connection))
    stranger = await add_user(connection)
    with pytest.raises(NotFound):
        await incoming_store.get(connection, stranger, file.id)
    with pytest.raises(NotFound):
        await incoming_store.set_scenario(connection, stranger, file.id, ScenarioId("design"))
    assert not await incoming_store.cancel(connection, stranger, file.id)


async def test_a_cancelled_file_stays_cancelled(connection: Connection) -> None:
    owner = await add_user(connection)
    file = await add_file(connection, owner)
    assert await incoming_store.cancel(connection, owner, file.id)
    await incoming_store.set_state(connection, file.id, IncomingState.CHECKING)
    await incoming_store.finish_refused(connection, file.id, "empty_file", "Файл пустой.")
    assert (await incoming_store.get(connection, owner, file.id)).state is IncomingState.CANCELLED
    assert await incoming_store.lock_open(connection, file.id) is None
    assert await mine(connection, owner) == []
    assert not await incoming_store.cancel(connection, owner, file.id)


async def test_a_file_to_be_tried_later_stays_open_and_says_why(connection: Connection) -> None:
    owner = await add_user(connection)
    file = await add_file(connection, owner)
    later = datetime.now(UTC) + timedelta(minutes=1)
    await incoming_store.try_later(connection, file.id, "disk_full", "Мало места.", later)
    [waiting] = await mine(connection, owner)
    assert (waiting.tries, waiting.retry_at, waiting.error_text) == (1, later, "Мало места.")
    await incoming_store.set_state(connection, file.id, IncomingState.DOWNLOADING)
    [going_on] = await mine(connection, owner)
    assert (going_on.retry_at, going_on.error_text) == (None, None)


async def test_an_occasion_has_one_message(connection: Connection) -> None:
    owner, chat = await add_user(connection), ChatId(uuid4().int >> 70)
    await outbox_store.put(connection, "occasion", owner, chat, HELLO)
    await outbox_store.put(connection, "occasion", owner, chat, WORLD)
    [item] = [each for each in await outbox_store.list_next(connection) if each.chat_id == chat]
    assert item.message == HELLO
    await outbox_store.note_sent(connection, item.id, MessageId(5))
    assert chat not in {each.chat_id for each in await outbox_store.list_next(connection)}


async def test_no_message_overtakes_one_that_waits(connection: Connection) -> None:
    owner, chat = await add_user(connection), ChatId(uuid4().int >> 70)
    await outbox_store.put(connection, "first", owner, chat, HELLO)
    await outbox_store.put(connection, "second", owner, chat, WORLD)
    [first] = [each for each in await outbox_store.list_next(connection) if each.chat_id == chat]
    await outbox_store.try_later(connection, first.id, "messenger_unavailable", timedelta(seconds=50))
    assert chat not in {each.chat_id for each in await outbox_store.list_next(connection)}
    await outbox_store.give_up(connection, first.id, "chat_closed")
    [second] = [each for each in await outbox_store.list_next(connection) if each.chat_id == chat]
    assert second.message == WORLD


@pytest.mark.parametrize(
    ("put_in", "next_ones"),
    [
        ("a1", "a1"),
        ("a1 a2 a3", "a1"),
        ("a1 a2 b1", "a1 b1"),
        ("b1 a1 b2 a2", "b1 a1"),
        ("a1:sent a2 b1", "a2 b1"),
        ("b1 a1:sent a2", "b1 a2"),
        ("a1:given_up a2", "a2"),
        ("a1:later", ""),
        ("a1:later a2 b1", "b1"),
        ("a1:sent a2:later a3", ""),
        ("a1:sent a2:given_up a3 a4", "a3"),
        ("a1:sent a2:sent", ""),
    ],
)
async def test_the_first_message_of_each_chat_is_next(connection: Connection, put_in: str, next_ones: str) -> None:
    owner, base = await add_user(connection), uuid4().int >> 70
    chats = {"a": ChatId(base), "b": ChatId(base + 1)}
    for each in put_in.split():
        name, _, became = each.partition(":")
        await outbox_store.put(connection, f"{base}{name}", owner, chats[name[0]], HELLO)
        row = await (await connection.execute("SELECT id FROM outbox WHERE key = %s", (f"{base}{name}",))).fetchone()
        assert row is not None
        match became:
            case "sent":
                await outbox_store.note_sent(connection, row["id"], MessageId(5))
            case "given_up":
                await outbox_store.give_up(connection, row["id"], "chat_closed")
            case "later":
                await outbox_store.try_later(connection, row["id"], "telegram_unavailable", timedelta(seconds=50))
    listed = [each for each in await outbox_store.list_next(connection) if each.chat_id in chats.values()]
    assert [each.key.removeprefix(str(base)) for each in listed] == next_ones.split()
    assert {(each.owner_id, each.message) for each in listed} <= {(owner, HELLO)}


async def test_a_card_is_nobody_elses(connection: Connection) -> None:
    card = await cards_store.add_incoming_card(connection, await add_file(connection, await add_user(connection)))
    with pytest.raises(NotFound):
        await cards_store.get(connection, await add_user(connection), card.id)


async def test_a_wizard_is_nobody_elses(connection: Connection) -> None:
    recording = await add_recording(connection)
    await recording_wizard_store.start(connection, recording.owner_id, CHAT, recording.id)
    with pytest.raises(NotFound):
        await recording_wizard_store.get(connection, await add_user(connection), recording.id)


async def test_a_wizard_waits_for_its_own_persons_dialog_only(connection: Connection) -> None:
    recording, others = await add_recording(connection), await add_recording(connection)
    await recording_wizard_store.start(connection, recording.owner_id, CHAT, recording.id)
    wizard = await recording_wizard_store.get(connection, recording.owner_id, recording.id)
    await recording_wizard_store.move(connection, wizard, WizardStep.PROPOSAL)
    await connection.execute("UPDATE recordings SET stage = 'done' WHERE id = %s", (recording.id,))
    await user_states.put(connection, others.owner_id, Dialog(step=Step.ASK_CITY, recording_id=others.id))
    assert await ready(connection, recording) == [(True, False)]
    assert await may_ask(connection, recording) == [True]
    await user_states.put(connection, recording.owner_id, Dialog(step=Step.ASK_CITY, recording_id=recording.id))
    assert await may_ask(connection, recording) == [False], "only a proposal may be made meanwhile"
    await metadata_store.set_proposed(connection, recording.id, proposed=True)
    assert await ready(connection, recording) == []


async def test_a_card_shows_its_file_and_then_its_recording(connection: Connection) -> None:
    recording = await add_recording(connection)
    file = await add_file(connection, recording.owner_id)
    card = await cards_store.add_incoming_card(connection, file)
    [before] = [each for each in await cards_store.open_cards(connection) if each.card.id == card.id]
    assert (before.file_name, before.size_bytes, before.recording_number) == ("Интервью 17.ogg", 38_000_000, None)
    assert before.incoming == file
    await incoming_store.finish_stored(connection, file.id, recording.id, known=False)
    [after] = [each for each in await cards_store.open_cards(connection) if each.card.id == card.id]
    assert (after.recording_number, after.stage, after.card.recording_id) == (1, recording.stage, recording.id)
    assert (await cards_store.get(connection, recording.owner_id, card.id)).recording_id == recording.id


async def test_a_card_shows_its_reports_in_the_order_in_which_they_were_ordered(
    connection: Connection,
) -> None:
    recording = await add_recording(connection)
    runs = [await add_run(connection, recording, name) for name in ("report_b", "report_a")]
    card = await cards_store.add_reports_card(connection, recording.owner_id, CHAT, recording.id, [*runs, runs[0]])
    [progress] = [each for each in await cards_store.open_cards(connection) if each.card.id == card.id]
    assert [run.id for run in progress.runs] == runs
    assert progress.incoming is None


async def test_an_outcome_is_noted_as_delivered_once(connection: Connection) -> None:
    recording = await add_recording(connection)
    runs = [await add_run(connection, recording, name) for name in ("report_a", "report_b")]
    card = await cards_store.add_reports_card(connection, recording.owner_id, CHAT, recording.id, runs)
    assert await cards_store.note_delivered(connection, card.id, runs[0])
    assert not await cards_store.note_delivered(connection, card.id, runs[0])
    assert card.id in {each.id for each in await cards_store.undelivered(connection)}
    assert await cards_store.note_delivered(connection, card.id, runs[1])
    assert card.id not in {each.id for each in await cards_store.undelivered(connection)}


@pytest.mark.parametrize(
    ("number", "age", "is_ended"), [(None, "1 second", False), (None, "1 minute", True), (7, "1 second", True)]
)
async def test_a_report_of_a_worker_is_delivered_when_it_has_its_number(
    connection: Connection, number: int | None, age: str, is_ended: bool
) -> None:
    recording = await add_recording(connection)
    run = await add_run(connection, recording, "report_a")
    card = await cards_store.add_reports_card(connection, recording.owner_id, CHAT, recording.id, [run])
    done = "UPDATE report_runs SET status = 'done', number = %s, finished_at = now() - %s::interval WHERE id = %s"
    await connection.execute(done, (number, age, run))
    found = [each for each in await cards_store.deliverable(connection) if each.card.id == card.id]
    assert bool(found) is is_ended


async def test_a_card_whose_message_is_gone_is_sent_anew_once(connection: Connection) -> None:
    owner = await add_user(connection)
    card = await cards_store.add_incoming_card(connection, await add_file(connection, owner))
    await cards_store.note_sent(connection, card.id, MessageId(5), "hash")
    await cards_store.send_anew(connection, card.id)
    anew = await cards_store.get(connection, owner, card.id)
    assert (anew.message_id, anew.final) == (None, False)
    assert anew.random_id != card.random_id
    await cards_store.note_sent(connection, card.id, MessageId(6), "hash")
    await cards_store.send_anew(connection, card.id)
    assert (await cards_store.get(connection, owner, card.id)).final


async def test_a_wizard_is_moved_from_where_it_is_and_from_nowhere_else(
    connection: Connection,
) -> None:
    recording = await add_recording(connection)
    await recording_wizard_store.start(connection, recording.owner_id, CHAT, recording.id)
    await recording_wizard_store.start(connection, recording.owner_id, CHAT, recording.id)
    wizard = await recording_wizard_store.get(connection, recording.owner_id, recording.id)
    assert (wizard.step, wizard.round) == (WizardStep.TRANSCRIPT, 1)
    assert await recording_wizard_store.move(connection, wizard, WizardStep.CLOSED)
    assert not await recording_wizard_store.move(connection, wizard, WizardStep.CLOSED)
    await recording_wizard_store.restart(connection, recording.owner_id, CHAT, recording.id)
    assert not await recording_wizard_store.move(connection, wizard, WizardStep.CLOSED)
    again = await recording_wizard_store.get(connection, recording.owner_id, recording.id)
    assert (again.step, again.round) == (WizardStep.TRANSCRIPT, 2)


async def test_a_wizard_is_ready_when_its_recording_is(connection: Connection) -> None:
    recording = await add_recording(connection)
    await recording_wizard_store.start(connection, recording.owner_id, CHAT, recording.id)
    assert await ready(connection, recording) == []
    await connection.execute("UPDATE recordings SET stage = 'done' WHERE id = %s", (recording.id,))
    assert await ready(connection, recording) == [(True, False)]


async def test_whether_a_recording_s_scenario_is_known_is_what_its_newest_file_says(
    connection: Connection,
) -> None:
    recording = await add_recording(connection)
    await recording_wizard_store.start(connection, recording.owner_id, CHAT, recording.id)
    await connection.execute(
        "UPDATE recordings SET stage = 'done', scenario = %s WHERE id = %s", (NO_SCENARIO, recording.id)
    )
    file = await add_file(connection, recording.owner_id)
    await incoming_store.finish_stored(connection, file.id, recording.id, known=False)
    assert await ready(connection, recording) == [(False, False)]
    await incoming_store.set_scenario(connection, recording.owner_id, file.id, ScenarioId(NO_SCENARIO))
    assert await ready(connection, recording) == [(True, False)]


async def ready(connection: Connection, recording: Recording) -> list[tuple[bool, bool]]:
    return [
        (each.scenario_known, each.proposed)
        for each in await recording_wizard_store.list_ready(connection)
        if each.wizard.recording_id == recording.id
    ]


async def may_ask(connection: Connection, recording: Recording) -> list[bool]:
    found = await recording_wizard_store.list_ready(connection)
    return [each.may_ask for each in found if each.wizard.recording_id == recording.id]


async def add_run(connection: Connection, recording: Recording, report: str) -> ReportRunId:
    run = ReportRunId(uuid4())
    await connection.execute(
        """
        INSERT INTO report_runs (
            id, recording_id, owner_id, scenario, report_id, input_hash, prompt_hash, model, status, passes_total
        ) VALUES (%s, %s, %s, 'interview', %s, 'input', 'prompt', 'model', 'queued', 2)
        """,
        (run, recording.id, recording.owner_id, report),
    )
    return run
