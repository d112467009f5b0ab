"""Recordings found, listed, processed again, deleted and cancelled, by whichever front door."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

import cards_store
import incoming_store
import recordings_store
import user_states
from datamodels import Recording, RecordingId, RecordingMetadata, ReportRunId, ScenarioId, Stage, UserId
from datamodels_telegram import AttachedFile, FileKind, IncomingMessage, MessageId, TelegramPerson
from db import Connection
from dialogs import Dialog, Step
from errors import Cancelled, NotFound
from handlers_world import MB, Person
from recordings.cancellations import Cancellations
from recordings.lookup import has_stopped, is_at_work

INTERVIEW = ScenarioId("interview")


class Crash(Exception):
    pass


class Told:
    """What else is done in the transaction in which a recording is found."""

    def __init__(self, *, crashes: bool = False) -> None:
        self.numbers: list[int] = []
        self.crashes = crashes

    async def __call__(self, connection: Connection, recording: Recording, known: bool = True) -> None:  # noqa: ARG002
        self.numbers.append(recording.number)
        await connection.execute("UPDATE recordings SET caption = 'рассказано' WHERE id = %s", (recording.id,))
        if self.crashes:
            raise Crash


class Jobs:
    """Stands for the jobs that are stopped."""

    def __init__(self) -> None:
        self.recordings: list[RecordingId] = []
        self.reports: list[tuple[UserId, Sequence[ReportRunId]]] = []

    async def cancel_recording(self, recording: RecordingId) -> bool:
        self.recordings.append(recording)
        return True

    async def cancel_reports(self, owner: UserId, runs: Sequence[ReportRunId]) -> bool:
        self.reports.append((owner, runs))
        return True


def message_of(person: Person, message_id: int = 1) -> IncomingMessage:
    return IncomingMessage(
        chat_id=person.chat,
        message_id=MessageId(message_id),
        person=TelegramPerson(id=person.chat, name="Мария"),
        file=AttachedFile(kind=FileKind.DOCUMENT, file_name="interview.ogg", size_bytes=MB),
    )


async def stored(person: Person, recording: Recording) -> Recording:
    async with person.bot.database.transaction() as connection:
        return await recordings_store.get_recording(connection, person.user.id, recording.id)


@pytest.mark.parametrize(("stage", "sent"), [(Stage.DONE, True), (Stage.SPEAKERS_KNOWN, False), (Stage.STORED, False)])
async def test_what_else_happens_to_a_transcript_happens_when_it_is_whole(
    person: Person, stage: Stage, sent: bool
) -> None:
    recording, told = await person.has_recording(stage=stage), Told()
    found = await person.bot.work.recordings.find_transcript(person.user.id, recording.number, told)
    assert (found.id, bool(told.numbers)) == (recording.id, sent)


async def test_what_else_happens_is_undone_with_its_failure(person: Person) -> None:
    recording = await person.has_recording()
    with pytest.raises(Crash):
        await person.bot.work.recordings.find(person.user.id, recording.number, Told(crashes=True))
    assert (await stored(person, recording)).request.caption != "рассказано"


@pytest.mark.parametrize(("wanted", "page", "numbers"), [(1, 1, [3, 2]), (2, 2, [1]), (9, 2, [1])])
async def test_a_scenario_is_listed_in_pages(person: Person, wanted: int, page: int, numbers: list[int]) -> None:
    for place in ("Заря", "Волна", None):
        await person.has_recording(metadata=RecordingMetadata(place=place))
    await person.has_recording("design")
    found = await person.bot.work.recordings.page(person.user.id, INTERVIEW, wanted, 2)
    assert (found.page, found.total, [each.number for each in found.recordings]) == (page, 3, numbers)
    assert list(found.places.values()) == (["Волна"] if page == 1 else ["Заря"])
    assert (await person.bot.work.recordings.page(person.user.id, None, 1, 9)).total == 4


async def test_what_is_worked_on_is_not_begun_again_and_what_has_stopped_is(person: Person) -> None:
    recording, told = await person.has_recording(stage=Stage.PREPARED), Told()
    intake = person.bot.work.intake
    same, begun = await intake.process_stopped_again(person.user.id, recording.number, told)
    assert (same.stage, begun, is_at_work(same)) == (Stage.PREPARED, False, True)
    async with person.bot.database.transaction() as connection:
        await recordings_store.record_failure(connection, recording.id, Cancelled().code, "Отменено.")
    assert has_stopped(await stored(person, recording))
    again, begun = await intake.process_stopped_again(person.user.id, recording.number, told)
    assert (again.stage, begun, told.numbers) == (Stage.STORED, True, [recording.number])


@pytest.mark.parametrize("about_it", [True, False])
@pytest.mark.parametrize("change", ["again", "delete"])
async def test_a_dialog_about_a_recording_ends_with_it_and_about_another_goes_on(
    person: Person, change: str, about_it: bool
) -> None:
    recording, other = await person.has_recording(), await person.has_recording(file_name="other.ogg")
    async with person.bot.database.transaction() as connection:
        dialog = Dialog(step=Step.ASK_DATE, recording_id=(recording if about_it else other).id)
        await user_states.put(connection, person.user.id, dialog)
    if change == "again":
        await person.bot.work.intake.process_stopped_again(person.user.id, recording.number)
    else:
        await person.bot.work.changes.delete(person.user.id, recording.id)
    assert await person.is_asked() is not about_it


async def test_a_file_is_taken_in_with_one_card_however_often_its_message_comes(person: Person) -> None:
    message = message_of(person)
    files = await asyncio.gather(
        *(person.bot.work.files.take_in(person.user.id, message, documents=False) for _ in range(3))
    )
    assert len({file.id for file in files}) == 1
    async with person.bot.database.transaction() as connection:
        cards = [each for each in await cards_store.open_cards(connection) if each.card.owner_id == person.user.id]
    assert len(cards) == 1
    with pytest.raises(ValueError, match="no file"):
        await person.bot.work.files.take_in(person.user.id, message.model_copy(update={"file": None}), documents=False)


async def test_a_file_is_cancelled_while_it_comes_and_as_the_recording_it_became(person: Person) -> None:
    jobs, database = Jobs(), person.bot.database
    cancellations = Cancellations(database, jobs.cancel_recording, jobs.cancel_reports)
    coming = await person.bot.work.files.take_in(person.user.id, message_of(person), documents=False)
    assert await cancellations.cancel_file(person.user.id, coming.id)
    assert not await cancellations.cancel_file(person.user.id, coming.id)
    assert jobs.recordings == []
    became = await person.bot.work.files.take_in(person.user.id, message_of(person, 2), documents=False)
    recording = await person.has_recording()
    async with database.transaction() as connection:
        await incoming_store.finish_stored(connection, became.id, recording.id, known=False)
    assert await cancellations.cancel_file(person.user.id, became.id)
    assert jobs.recordings == [recording.id]


async def test_a_card_cancels_what_it_shows(person: Person) -> None:
    jobs, database, owner = Jobs(), person.bot.database, person.user.id
    cancellations = Cancellations(database, jobs.cancel_recording, jobs.cancel_reports)
    recording = await person.has_recording()
    coming = await person.bot.work.files.take_in(owner, message_of(person), documents=False)
    run = ReportRunId(recording.id)
    async with database.transaction() as connection:
        of_file = await cards_store.add_incoming_card(connection, coming)
        of_recording = await cards_store.add_recording_card(connection, owner, person.chat, recording.id)
        of_reports = await cards_store.add_reports_card(connection, owner, person.chat, recording.id, [run])
    assert not await cancellations.cancel_card(owner, of_file.id)
    assert await cancellations.cancel_card(owner, of_recording.id)
    assert await cancellations.cancel_card(owner, of_reports.id)
    assert (jobs.recordings, jobs.reports) == ([recording.id], [(owner, (run,))])


async def test_what_is_anothers_is_not_found(person: Person) -> None:
    recording = await person.has_recording()
    coming = await person.bot.work.files.take_in(person.user.id, message_of(person), documents=False)
    async with person.bot.database.transaction() as connection:
        card = await cards_store.add_recording_card(connection, person.user.id, person.chat, recording.id)
    stranger, work, told = (await Person.come(person.bot)).user.id, person.bot.work, Told()
    attempts: list[Callable[[], Awaitable[object]]] = [
        lambda: work.recordings.find(stranger, recording.number, told),
        lambda: work.recordings.find_transcript(stranger, recording.number, told),
        lambda: work.recordings.card(stranger, recording.number),
        lambda: work.intake.process_stopped_again(stranger, recording.number, told),
        lambda: work.changes.delete(stranger, recording.id),
        lambda: work.cancellations.cancel_file(stranger, coming.id),
        lambda: work.cancellations.cancel_card(stranger, card.id),
    ]
    for attempt in attempts:
        with pytest.raises(NotFound):
            await attempt()
    assert (told.numbers, (await stored(person, recording)).stage) == ([], Stage.DONE)
    assert (await work.recordings.page(stranger, INTERVIEW, 1, 10)).recordings == []
