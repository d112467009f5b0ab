"""What people say a recording is: its scenario, its building type, its metadata.

They say it in the caption, by a button or on the command line. The first scenario stays until the person is asked again
or corrects it on the recording's card.
"""

import asyncio
from collections.abc import Callable
from datetime import date

import incoming_store
import metadata_store
import recording_wizard_store
import recordings_store
from constants import NO_SCENARIO
from datamodels import BuildingType, ProcessingRequest, Recording, RecordingMetadata, ScenarioId, UserId
from datamodels_telegram import FilePurpose, WizardStep
from db import Connection, Database
from dialogs import find_wizard, leave_dialog
from metadata.fields import scenario_of_caption
from metadata.parsing import CaptionResult, parse_caption
from prompt_pack.models import ReportPack
from recordings.changes import RecordingChanges
from recordings.purposes import purpose_of

_ASKED_OR_OVER = frozenset([WizardStep.SCENARIO, WizardStep.REPORTS, WizardStep.CLOSED])


class Descriptions:
    """Takes what people say of their recordings.

    ``today`` returns the person's date, the latest that a recording can have. Callers that handle a button hold the
    person's lock, ``dialogs.get_user_lock``.
    """

    def __init__(
        self, database: Database, pack: ReportPack, changes: RecordingChanges, today: Callable[[], date]
    ) -> None:
        self._database = database
        self._pack = pack
        self._changes = changes
        self._today = today

    def scenario_of_file(self, caption: str) -> ScenarioId | None:
        """Return the scenario that a file's caption names; None when it names none."""
        return scenario_of_caption(caption, [scenario.id for scenario in self._pack.scenarios], self._today())

    async def say_scenario(self, owner: UserId, number: int, scenario: str) -> Recording:
        """Set a recording's scenario, and let its wizard go on. Return the recording as it is then.

        A scenario that was set before stays, unless the wizard asks for one.

        Raises:
            UnknownChoice: no such scenario.
            NotFound: the owner has no recording of that number.
        """
        chosen = self._checked(scenario)
        async with self._database.transaction() as connection:
            return await self._say(connection, await recordings_store.get_by_number(connection, owner, number), chosen)

    async def correct_scenario(self, owner: UserId, number: int, scenario: str) -> Recording:
        """Set a recording's scenario although it has another; what its data lack then is asked for, and reports stay.

        Raises:
            UnknownChoice: no such scenario.
            NotFound: the owner has no recording of that number.
        """
        chosen = self._checked(scenario)
        async with self._database.transaction() as connection:
            recording = await recordings_store.get_by_number(connection, owner, number)
            if recording.request.scenario == chosen:
                return recording
            recording = await self._changes.choose_scenario(connection, owner, recording.id, chosen)
            await leave_dialog(connection, owner, recording.id)
            wizard = await find_wizard(connection, owner, recording.id)
            if wizard is not None and wizard.step is not WizardStep.TRANSCRIPT:
                await recording_wizard_store.move(connection, wizard, _next_step(chosen))
        return recording

    async def say_scenario_of_file(self, owner: UserId, incoming_id: int, scenario: str) -> ScenarioId:
        """Set the scenario of a sent file, unless the file has a scenario; return the one that the file has now.

        A text of which nobody had said what it is for is a ready transcript then, and gets this scenario in any case.

        If the file has become a recording, the recording gets the scenario as in ``say_scenario``.

        Raises:
            UnknownChoice: no such scenario.
            NotFound: the owner has sent no such file.
        """
        chosen = self._checked(scenario)
        async with self._database.transaction() as connection:
            incoming = await incoming_store.get(connection, owner, incoming_id)
            said_before = purpose_of(incoming) is not None
            await incoming_store.set_purpose(connection, owner, incoming.id, FilePurpose.RECORDING)
            if incoming.scenario is not None and said_before:
                return incoming.scenario
            incoming = await incoming_store.set_scenario(connection, owner, incoming.id, chosen)
            if incoming.recording_id is not None:
                recording = await recordings_store.get_recording(connection, owner, incoming.recording_id)
                await self._say(connection, recording, chosen)
        return chosen

    async def say_document(self, owner: UserId, incoming_id: int) -> bool:
        """Note that a sent text is a document to ask about; False when something else was said, or it is finished.

        Raises:
            NotFound: the owner has sent no such file.
        """
        async with self._database.transaction() as connection:
            await incoming_store.set_purpose(connection, owner, incoming_id, FilePurpose.DOCUMENT)
            incoming = await incoming_store.get(connection, owner, incoming_id)
        return purpose_of(incoming) is FilePurpose.DOCUMENT

    def _checked(self, scenario: str) -> ScenarioId:
        if scenario != NO_SCENARIO:
            return self._pack.scenario(scenario).id
        return ScenarioId(NO_SCENARIO)

    async def _say(self, connection: Connection, recording: Recording, scenario: ScenarioId) -> Recording:
        wizard = await find_wizard(connection, recording.owner_id, recording.id)
        asked = wizard is not None and wizard.step is WizardStep.SCENARIO
        if recording.request.scenario != NO_SCENARIO and not asked:
            return recording
        if recording.request.scenario != scenario:
            recording = await self._changes.choose_scenario(connection, recording.owner_id, recording.id, scenario)
        if wizard is not None and wizard.step in _ASKED_OR_OVER:
            await recording_wizard_store.move(connection, wizard, _next_step(scenario))
        return recording


def _next_step(scenario: ScenarioId) -> WizardStep:
    return WizardStep.CLOSED if scenario == NO_SCENARIO else WizardStep.PROPOSAL


async def take_over_scenario(connection: Connection, recording: Recording, said: ScenarioId | None) -> None:
    """Give a recording the scenario ``said``, which its file got during the intake; None changes nothing.

    The stage stays: in the same transaction the recording's job has been enqueued, which then works by this scenario.
    """
    if said not in {None, recording.request.scenario}:
        assert said is not None  # noqa: S101  # or it would be in the set
        await recordings_store.choose_scenario(
            connection, recording.id, said, recording.request.building, recording.stage
        )


def read_caption(caption: str, scenario: str, today: date) -> CaptionResult:
    """Parse a caption into metadata and problems; an empty caption has neither.

    Blocking: the dictionary of word forms is loaded with the first zone.
    """
    return parse_caption(caption, scenario, today) if caption else CaptionResult(metadata=RecordingMetadata())


def metadata_of_request(request: ProcessingRequest, today: date) -> RecordingMetadata:
    """Return the metadata in a request's caption; none without a scenario, which gives the caption's lines a meaning.

    Blocks as ``read_caption`` does.
    """
    if request.scenario == NO_SCENARIO or not request.caption.strip():
        return RecordingMetadata()
    return read_caption(request.caption, request.scenario, today).metadata


async def known_metadata(connection: Connection, recording: Recording, today: date) -> RecordingMetadata:
    """Load a recording's metadata; when there are none, return and store those in its caption."""
    known = await metadata_store.load_metadata(connection, recording.id)
    if known != RecordingMetadata():
        return known
    known = await asyncio.to_thread(metadata_of_request, recording.request, today)
    if known != RecordingMetadata():
        await metadata_store.save_metadata(connection, recording.id, known)
    return known


def building_of(recording: Recording, metadata: RecordingMetadata) -> BuildingType | None:
    """Return the building type of the metadata, which a person may have corrected, else the one of the request."""
    return metadata.building or recording.request.building


def building_said(outright: BuildingType | None, caption: RecordingMetadata) -> BuildingType | None:
    """Return the building type of a new recording: the one given outright, else the caption's."""
    return outright or caption.building


async def say_building(connection: Connection, recording: Recording, building: BuildingType) -> None:
    """Store the building type in a recording's metadata; the rest of the metadata stays."""
    metadata = await metadata_store.lock_metadata(connection, recording.id)
    chosen = metadata.model_copy(update={"building": building})
    await metadata_store.save_metadata(connection, recording.id, chosen)
