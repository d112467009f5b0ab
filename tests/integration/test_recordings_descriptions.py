"""What a recording is said to be, wherever it is said; and what is open until somebody says it."""

from datetime import date

import pytest

import incoming_store
import metadata_store
import recordings_store
from datamodels import BuildingType, ProcessingRequest, RecordingMetadata, ScenarioId, Stage
from datamodels_telegram import (
    AttachedFile,
    FileKind,
    IncomingFile,
    IncomingMessage,
    MessageId,
    TelegramPerson,
    WizardStep,
)
from errors import NotFound, UnknownChoice
from handlers_world import TODAY, Bot, Person
from recordings.descriptions import (
    building_of,
    building_said,
    known_metadata,
    metadata_of_request,
    read_caption,
    take_over_scenario,
)

INTERVIEW, DESIGN, NONE = ScenarioId("interview"), ScenarioId("design"), ScenarioId("none")
AUDIT = "12\n2026.11.03\nИванова Мария\nЗаря\nотель\nлобби\nКазань"
SIX_LINES = "12\n2026.11.03\nИванова Мария\nПетров Иван\nотель\nЗаря"


async def send(person: Person) -> IncomingFile:
    message = IncomingMessage(
        chat_id=person.chat,
        message_id=MessageId(1),
        person=TelegramPerson(id=person.chat, name="Мария"),
        file=AttachedFile(kind=FileKind.VOICE, file_name="voice.ogg", size_bytes=1),
    )
    async with person.bot.database.transaction() as connection:
        return await incoming_store.add(connection, person.user.id, message, None)


@pytest.mark.parametrize(("caption", "scenario"), [("", None), (AUDIT, DESIGN), (SIX_LINES, None)])
def test_a_file_is_what_its_caption_says(bot: Bot, caption: str, scenario: ScenarioId | None) -> None:
    assert bot.work.descriptions.scenario_of_file(caption) == scenario


@pytest.mark.parametrize(
    ("before", "step", "corrected", "after"),
    [
        (INTERVIEW, WizardStep.REPORTS, DESIGN, WizardStep.PROPOSAL),
        (INTERVIEW, WizardStep.CONFIRMATION, NONE, WizardStep.CLOSED),
        (NONE, WizardStep.CLOSED, INTERVIEW, WizardStep.PROPOSAL),
        (INTERVIEW, WizardStep.TRANSCRIPT, DESIGN, WizardStep.TRANSCRIPT),
        (INTERVIEW, WizardStep.REPORTS, INTERVIEW, WizardStep.REPORTS),
    ],
)
async def test_a_kind_is_corrected_although_it_was_said(
    person: Person, before: ScenarioId, step: WizardStep, corrected: ScenarioId, after: WizardStep
) -> None:
    recording = await person.has_recording(before, step=step)
    descriptions = person.bot.work.descriptions
    now = await descriptions.correct_scenario(person.user.id, recording.number, corrected)
    assert now.request.scenario == corrected
    assert await person.step(recording) is after
    stranger = await Person.come(person.bot)
    with pytest.raises(NotFound):
        await descriptions.correct_scenario(stranger.user.id, recording.number, NONE)
    with pytest.raises(UnknownChoice):
        await descriptions.correct_scenario(person.user.id, recording.number, "podcast")


@pytest.mark.parametrize(
    ("before", "step", "said", "scenario", "after"),
    [
        (NONE, WizardStep.SCENARIO, INTERVIEW, INTERVIEW, WizardStep.PROPOSAL),
        (NONE, WizardStep.SCENARIO, NONE, NONE, WizardStep.CLOSED),
        (NONE, WizardStep.CLOSED, DESIGN, DESIGN, WizardStep.PROPOSAL),
        (NONE, WizardStep.TRANSCRIPT, DESIGN, DESIGN, WizardStep.TRANSCRIPT),
        (INTERVIEW, WizardStep.SCENARIO, DESIGN, DESIGN, WizardStep.PROPOSAL),
        (INTERVIEW, WizardStep.REPORTS, DESIGN, INTERVIEW, WizardStep.REPORTS),
        (INTERVIEW, WizardStep.CONFIRMATION, NONE, INTERVIEW, WizardStep.CONFIRMATION),
    ],
)
async def test_what_was_said_stays_unless_it_is_asked(
    person: Person,
    before: ScenarioId,
    step: WizardStep,
    said: ScenarioId,
    scenario: ScenarioId,
    after: WizardStep,
) -> None:
    recording = await person.has_recording(before, step=step)
    told = await person.bot.work.descriptions.say_scenario(person.user.id, recording.number, said)
    assert told.request.scenario == scenario
    assert await person.step(recording) is after


async def test_of_a_file_the_first_word_counts(person: Person) -> None:
    file, descriptions = await send(person), person.bot.work.descriptions
    assert await descriptions.say_scenario_of_file(person.user.id, file.id, DESIGN) == DESIGN
    assert await descriptions.say_scenario_of_file(person.user.id, file.id, NONE) == DESIGN


async def test_nothing_is_said_of_what_is_anothers_and_nothing_that_is_unknown(person: Person) -> None:
    recording = await person.has_recording("none", step=WizardStep.SCENARIO)
    file, stranger = await send(person), await Person.come(person.bot)
    descriptions = person.bot.work.descriptions
    with pytest.raises(NotFound):
        await descriptions.say_scenario(stranger.user.id, recording.number, INTERVIEW)
    with pytest.raises(NotFound):
        await descriptions.say_scenario_of_file(stranger.user.id, file.id, INTERVIEW)
    with pytest.raises(UnknownChoice):
        await descriptions.say_scenario(person.user.id, recording.number, "podcast")
    with pytest.raises(UnknownChoice):
        await descriptions.say_scenario_of_file(person.user.id, file.id, "podcast")
    assert await person.step(recording) is WizardStep.SCENARIO
    async with person.bot.database.transaction() as connection:
        assert (await incoming_store.get(connection, person.user.id, file.id)).scenario is None


@pytest.mark.parametrize(("said", "scenario"), [(None, INTERVIEW), (INTERVIEW, INTERVIEW), (DESIGN, DESIGN)])
async def test_what_was_said_during_a_download_is_the_recordings(
    person: Person, said: ScenarioId | None, scenario: ScenarioId
) -> None:
    recording = await person.has_recording("interview", stage=Stage.PREPARED)
    async with person.bot.database.transaction() as connection:
        await take_over_scenario(connection, recording, said)
        stored = await recordings_store.get_recording(connection, person.user.id, recording.id)
    assert (stored.request.scenario, stored.stage) == (scenario, Stage.PREPARED)


@pytest.mark.parametrize(
    ("known", "caption", "place"),
    [(None, AUDIT, "Заря"), (None, " \n", None), (RecordingMetadata(place="Волна"), AUDIT, "Волна")],
)
async def test_the_caption_tells_what_nobody_else_has_told_and_it_is_kept(
    person: Person, known: RecordingMetadata | None, caption: str, place: str | None
) -> None:
    recording = await person.has_recording("design", metadata=known)
    request = recording.request.model_copy(update={"caption": caption})
    async with person.bot.database.transaction() as connection:
        recording = await recordings_store.update_request(connection, recording.id, request, restart=False)
        told = await known_metadata(connection, recording, TODAY)
        kept = await metadata_store.load_metadata(connection, recording.id) or RecordingMetadata()
    assert (told.place, kept.place) == (place, place)


@pytest.mark.parametrize(
    ("scenario", "caption", "building"),
    [(DESIGN, AUDIT, BuildingType.HOTEL), (NONE, AUDIT, None), (DESIGN, "", None), (DESIGN, "  ", None)],
)
def test_the_lines_of_a_caption_mean_nothing_without_a_scenario(
    scenario: ScenarioId, caption: str, building: BuildingType | None
) -> None:
    request = ProcessingRequest(scenario=scenario, caption=caption)
    assert metadata_of_request(request, date(2026, 11, 21)).building is building


def test_an_empty_caption_has_no_problems_and_a_blank_one_has() -> None:
    assert read_caption("", DESIGN, TODAY).problems == ()
    assert read_caption(" ", DESIGN, TODAY).problems


@pytest.mark.parametrize(
    ("outright", "caption", "building"),
    [
        (BuildingType.SPA, BuildingType.HOTEL, BuildingType.SPA),
        (None, BuildingType.HOTEL, BuildingType.HOTEL),
        (BuildingType.SPA, None, BuildingType.SPA),
        (None, None, None),
    ],
)
def test_a_building_type_that_is_said_outright_stands_above_the_caption(
    outright: BuildingType | None, caption: BuildingType | None, building: BuildingType | None
) -> None:
    assert building_said(outright, RecordingMetadata(building=caption)) is building


@pytest.mark.parametrize(
    ("known", "requested", "building"),
    [
        (BuildingType.SPA, BuildingType.HOTEL, BuildingType.SPA),
        (None, BuildingType.HOTEL, BuildingType.HOTEL),
        (None, None, None),
    ],
)
async def test_what_a_person_mended_stands_above_what_a_recording_came_with(
    person: Person, known: BuildingType | None, requested: BuildingType | None, building: BuildingType | None
) -> None:
    recording = await person.has_recording()
    request = recording.request.model_copy(update={"building": requested})
    recording = recording.model_copy(update={"request": request})
    assert building_of(recording, RecordingMetadata(building=known)) is building
