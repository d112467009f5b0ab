"""The wizard about a recording: each move once, and the person gets with it what belongs to it."""

from datetime import date, timedelta
from itertools import count

import pytest

import cards_store
import incoming_store
import metadata_store
import outbox_store
import recording_wizard_store
import user_states
from constants import NO_SCENARIO
from datamodels import Recording, RecordingId, RecordingMetadata, RunStatus, Stage
from datamodels_telegram import FileSource, MessageKind, OutgoingMessage, WizardStep
from db import Connection, Database
from default_pack import PACK
from dialogs import Dialog, Step
from errors import ProviderUnavailable
from followers_world import (
    DatabaseUntilKilled,
    Killer,
    Somebody,
    TelegramOfFiles,
    killed,
    look,
)
from recording_wizard import RecordingWizards

TODAY = date(2026, 11, 21)
CAPTION = "17\n2026.11.03\nИванов Иван\nПетрова Анна\nОтель\nЗаря"
WHOLE = {"employee": "Иванов Иван", "client": "Петрова Анна", "place": "Заря", "building": "hotel"}


class Proposals(list[RecordingId]):
    """What metadata have been asked to be proposed for."""

    async def enqueue(self, connection: Connection, recording_id: RecordingId) -> None:  # noqa: ARG002
        self.append(recording_id)


@pytest.fixture
def proposals() -> Proposals:
    return Proposals()


def wizards_of(database: Database, proposals: Proposals) -> RecordingWizards:
    return RecordingWizards(database, PACK, proposals.enqueue, lambda: None, lambda: TODAY)


@pytest.fixture
def wizards(followed: Database, proposals: Proposals) -> RecordingWizards:
    return wizards_of(followed, proposals)


@pytest.fixture
async def somebody(followed: Database) -> Somebody:
    return await Somebody.come(followed)


async def delivered(somebody: Somebody) -> list[OutgoingMessage]:
    """What is in the outbox for the person, in its order; a look takes nothing out."""
    async with somebody.database.transaction() as connection:
        query = "SELECT message FROM outbox WHERE chat_id = %s ORDER BY id"
        rows = await (await connection.execute(query, (somebody.chat,))).fetchall()
    return [OutgoingMessage.model_validate(row["message"]) for row in rows]


async def texts(somebody: Somebody) -> list[str]:
    return [message.screen.text.splitlines()[0] for message in await delivered(somebody)]


async def step(somebody: Somebody, recording: Recording) -> WizardStep:
    async with somebody.database.transaction() as connection:
        return (await recording_wizard_store.get(connection, somebody.owner, recording.id)).step


async def knows(somebody: Somebody, recording: Recording, metadata: RecordingMetadata, *, proposed: bool) -> None:
    async with somebody.database.transaction() as connection:
        await metadata_store.save_metadata(connection, recording.id, metadata)
        if proposed:
            await connection.execute(
                "UPDATE recording_metadata SET proposed_at = now() WHERE recording_id = %s", (recording.id,)
            )


async def dialog(somebody: Somebody) -> Dialog | None:
    async with somebody.database.transaction() as connection:
        return await user_states.get(connection, somebody.owner, Dialog)


async def test_a_transcript_is_delivered_with_its_file_and_the_wizard_goes_on(
    wizards: RecordingWizards, somebody: Somebody, proposals: Proposals
) -> None:
    recording = await somebody.has_recording("Как вам номер?", "Тихо.")
    await look(wizards, times=3)
    shown, file = await delivered(somebody)
    assert "[Спикер 1:] Как вам номер?\n[Спикер 2:] Тихо." in shown.screen.text
    assert (shown.kind, file.kind) == (MessageKind.RESULT, MessageKind.RESULT)
    assert file.file is not None
    assert (file.file.source, file.file.extension) == (FileSource.TRANSCRIPT, "txt")
    assert await step(somebody, recording) is WizardStep.PROPOSAL
    assert proposals == [recording.id]


async def test_while_a_recording_is_worked_on_nothing_is_said(wizards: RecordingWizards, somebody: Somebody) -> None:
    recording = await somebody.has_recording("Да.")
    await somebody.reaches(recording, Stage.SPEAKERS_KNOWN)
    await look(wizards)
    assert await delivered(somebody) == []


async def test_a_recording_that_only_a_transcript_is_wanted_of_ends_there(
    wizards: RecordingWizards, somebody: Somebody
) -> None:
    recording = await somebody.has_recording("Да.", scenario=NO_SCENARIO)
    await look(wizards, times=2)
    assert await step(somebody, recording) is WizardStep.CLOSED
    assert len(await delivered(somebody)) == 2


async def test_of_a_recording_of_which_nobody_said_what_it_is_it_is_asked(
    wizards: RecordingWizards, somebody: Somebody
) -> None:
    file = await somebody.sends(TelegramOfFiles(), bytes(10), scenario=None)
    recording = await somebody.has_recording("Да.", scenario=NO_SCENARIO)
    async with somebody.database.transaction() as connection:
        await incoming_store.finish_stored(connection, file.id, recording.id, known=False)
    await look(wizards, times=2)
    assert await step(somebody, recording) is WizardStep.SCENARIO
    *_, question = await delivered(somebody)
    assert question.kind is MessageKind.INFO_MESSAGE
    assert [button.text for row in question.screen.keyboard for button in row] == [
        "Интервью",
        "Дизайн",
        "Совещание",
        "Только расшифровка",
    ]


async def test_a_caption_that_says_everything_is_confirmed_without_a_proposal(
    wizards: RecordingWizards, somebody: Somebody, proposals: Proposals
) -> None:
    recording = await somebody.has_recording("Да.", caption=CAPTION)
    await look(wizards, times=3)
    assert proposals == []
    assert await step(somebody, recording) is WizardStep.CONFIRMATION
    *_, card = await delivered(somebody)
    assert card.kind is MessageKind.CONFIRMATION
    assert "Петрова Анна" in card.screen.text
    assert await dialog(somebody) == Dialog(step=Step.CONFIRM_DATA, recording_id=recording.id)


async def test_what_the_proposal_leaves_open_is_in_the_form(
    wizards: RecordingWizards, somebody: Somebody, proposals: Proposals
) -> None:
    recording = await somebody.has_recording("Да.")
    await look(wizards, times=2)
    known = RecordingMetadata.model_validate({**WHOLE, "audio_number": 17})
    await knows(somebody, recording, known, proposed=True)
    await look(wizards, times=2)
    assert proposals == [recording.id]
    *_, form = await delivered(somebody)
    assert form.kind is MessageKind.CONFIRMATION
    today = recording.created_at.astimezone()
    assert f"дата: <b>{today:%d.%m.%Y}</b> ↩" in form.screen.text
    assert await dialog(somebody) == Dialog(step=Step.CONFIRM_DATA, recording_id=recording.id)


async def test_what_a_caption_gets_wrong_is_told_once_and_stays_open(
    wizards: RecordingWizards, somebody: Somebody
) -> None:
    first, _, *others = CAPTION.splitlines()
    recording = await somebody.has_recording("Да.", caption="\n".join([first, "31.02.2026", *others]))
    await look(wizards, times=2)
    async with somebody.database.transaction() as connection:
        await metadata_store.set_proposed(connection, recording.id, proposed=True)
    await look(wizards, times=3)
    *_, told, form = await delivered(somebody)
    assert "дата — даты 31.02.2026 нет в календаре" in told.screen.text
    assert told.kind is MessageKind.INFO_MESSAGE
    assert "дата: <b>—</b>" in form.screen.text, "a misspelt date is not filled in by guess"
    assert await dialog(somebody) == Dialog(step=Step.CONFIRM_DATA, recording_id=recording.id)


async def test_questions_are_asked_although_the_roles_failed(wizards: RecordingWizards, somebody: Somebody) -> None:
    recording = await somebody.has_recording("Да.")
    await look(wizards, times=2)
    await somebody.reaches(recording, Stage.TRANSCRIBED)
    await knows(somebody, recording, RecordingMetadata(), proposed=True)
    await look(wizards)
    assert await step(somebody, recording) is WizardStep.PROPOSAL
    await somebody.fails(recording, ProviderUnavailable(provider="llm", reason="timeout"), None)
    await look(wizards)
    assert await step(somebody, recording) is WizardStep.CONFIRMATION


async def test_questions_about_a_second_recording_wait_for_the_end_of_those_about_the_first(
    wizards: RecordingWizards, somebody: Somebody
) -> None:
    first = await somebody.has_recording("Да.", caption=CAPTION)
    await look(wizards, times=3)
    second = await somebody.has_recording("Нет.", caption=CAPTION)
    await look(wizards, times=3)
    begun = await dialog(somebody)
    assert begun is not None
    assert begun.recording_id == first.id
    assert await step(somebody, second) is WizardStep.PROPOSAL
    async with somebody.database.transaction() as connection:
        await user_states.drop(connection, somebody.owner, Dialog)
    await look(wizards)
    begun = await dialog(somebody)
    assert begun is not None
    assert begun.recording_id == second.id


async def test_what_can_be_proposed_is_while_another_form_is_open(
    wizards: RecordingWizards, somebody: Somebody, proposals: Proposals
) -> None:
    first = await somebody.has_recording("Да.", caption=CAPTION)
    await look(wizards, times=3)
    second, whole = await somebody.has_recording("Нет."), await somebody.has_recording("Да.", caption=CAPTION)
    await look(wizards, times=4)
    assert proposals == [second.id]
    async with somebody.database.transaction() as connection:
        ready = await recording_wizard_store.list_ready(connection)
    assert whole.id not in {each.wizard.recording_id for each in ready}, "it is not looked at every second"
    begun = await dialog(somebody)
    assert begun is not None
    assert begun.recording_id == first.id


async def test_questions_that_nobody_answered_in_time_hold_up_nothing(
    wizards: RecordingWizards, somebody: Somebody
) -> None:
    recording = await somebody.has_recording("Да.", caption=CAPTION)
    async with somebody.database.transaction() as connection:
        old = Dialog(step=Step.ASK_DATE, recording_id=recording.id)
        await user_states.put(connection, somebody.owner, old, ttl=timedelta(seconds=-1))
    await look(wizards, times=3)
    assert await step(somebody, recording) is WizardStep.CONFIRMATION


async def test_a_recording_that_is_processed_again_is_delivered_again(
    wizards: RecordingWizards, somebody: Somebody
) -> None:
    recording = await somebody.has_recording("Да.", scenario=NO_SCENARIO)
    await look(wizards)
    async with somebody.database.transaction() as connection:
        await recording_wizard_store.restart(connection, somebody.owner, somebody.chat, recording.id)
    await look(wizards, times=2)
    assert len(await delivered(somebody)) == 4


async def test_each_report_is_delivered_when_it_has_ended_and_after_the_last_more_are_offered(
    wizards: RecordingWizards, somebody: Somebody
) -> None:
    recording = await somebody.has_recording("Да.", scenario=NO_SCENARIO)
    await look(wizards)
    before = len(await delivered(somebody))
    card, [links, general] = await somebody.orders(recording, "report_int_links", "report_int_general")
    await somebody.report_ends(general, RunStatus.DONE, "Коротко.")
    await look(wizards, times=2)
    [report] = (await delivered(somebody))[before:]
    assert "Коротко." in report.screen.text
    assert "<pre>Связок" in report.screen.text
    await somebody.report_ends(links, RunStatus.DONE, "Длинно. " * 300)
    await look(wizards, times=2)
    _, preview, file, more = (await delivered(somebody))[before:]
    assert "Отчёт целиком — в файле." in preview.screen.text
    assert file.file is not None
    assert (file.file.subject, file.file.extension) == (links, "docx")
    assert (more.screen.text, more.kind) == ("Ещё отчёт по записи №1?", MessageKind.STATUS_MESSAGE)
    async with somebody.database.transaction() as connection:
        after = await cards_store.get(connection, somebody.owner, card.id)
    assert set(after.delivered) == {links, general}


async def test_a_report_that_failed_says_so_and_one_that_was_cancelled_says_nothing(
    wizards: RecordingWizards, somebody: Somebody
) -> None:
    recording = await somebody.has_recording("Да.", scenario=NO_SCENARIO)
    await look(wizards)
    before = len(await delivered(somebody))
    _, [failed, cancelled] = await somebody.orders(recording, "report_int_links", "report_int_general")
    await somebody.report_ends(failed, RunStatus.FAILED, "Сервис не отвечает.")
    await somebody.report_ends(cancelled, RunStatus.CANCELLED)
    await look(wizards, times=2)
    [told] = (await delivered(somebody))[before:]
    assert "Сервис не отвечает." in told.screen.text


async def test_a_report_that_was_written_before_is_delivered_with_a_new_order_again(
    wizards: RecordingWizards, somebody: Somebody
) -> None:
    recording = await somebody.has_recording("Да.", scenario=NO_SCENARIO)
    _, [run] = await somebody.orders(recording, "report_int_links")
    await somebody.report_ends(run, RunStatus.DONE, "Коротко.")
    await look(wizards, times=2)
    before = len(await delivered(somebody))
    async with somebody.database.transaction() as connection:
        await cards_store.add_reports_card(connection, somebody.owner, somebody.chat, recording.id, [run])
    await look(wizards, times=2)
    assert [each.splitlines()[0] for each in (await texts(somebody))[before:]] == [
        "📊 <b>№1 · Отчет о связках</b> · запись №1 · interview_17.ogg",
        "Ещё отчёт по записи №1?",
    ]


@pytest.mark.parametrize(("last", "offers"), [(RunStatus.DONE, 0), (RunStatus.FAILED, 1)])
async def test_more_reports_are_offered_until_all_are_written(
    wizards: RecordingWizards, somebody: Somebody, last: RunStatus, offers: int
) -> None:
    recording = await somebody.has_recording("Да.", scenario="interview")
    _, runs = await somebody.orders(recording, *(report.id for report in PACK.reports("interview")))
    for run in runs:
        await somebody.report_ends(run, last if run == runs[-1] else RunStatus.DONE, "Коротко.")
    await look(wizards, times=2)
    said = await texts(somebody)
    assert sum("Анализ работы сотрудника" in each for each in said) == 1
    assert said.count("Ещё отчёт по записи №1?") == offers


async def test_a_message_that_is_in_the_outbox_is_not_put_in_by_what_follows(somebody: Somebody) -> None:
    recording = await somebody.has_recording("Да.", scenario=NO_SCENARIO)
    other = OutgoingMessage.model_validate({"kind": "result", "screen": {"text": "прежнее"}})
    async with somebody.database.transaction() as connection:
        key = f"transcript:{recording.id}:{recording.number}:1:text"
        await outbox_store.put(connection, key, somebody.owner, somebody.chat, other)
    await look(wizards_of(somebody.database, Proposals()))
    assert (await texts(somebody))[0] == "прежнее"
    assert len(await texts(somebody)) == 2


async def test_killed_at_any_moment_each_move_is_made_once(followed: Database) -> None:
    for at in count(1):
        killer, somebody = Killer(at), await Somebody.come(followed)
        recording = await somebody.has_recording("Да.", caption=CAPTION)
        _, [run] = await somebody.orders(recording, "report_int_links")
        await somebody.report_ends(run, RunStatus.DONE, "Коротко.")
        mortal = DatabaseUntilKilled(followed, killer)
        was_killed = await killed(killer, wizards_of(mortal, Proposals()))
        await look(wizards_of(followed, Proposals()), times=3)
        assert sorted(await texts(somebody)) == [
            "<b>Проверка введённых данных</b>",
            "Ещё отчёт по записи №1?",
            "📄 <b>Расшифровка</b> · №1 · interview_17.ogg",
            "📄 <b>Расшифровка</b> · №1 · interview_17.ogg",
            "📊 <b>№1 · Отчет о связках</b> · запись №1 · interview_17.ogg",
        ]
        assert await step(somebody, recording) is WizardStep.CONFIRMATION
        if not was_killed:
            assert at > 12
            break
