"""A person's recordings: found by the number that people see, listed, and shown with their progress."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple

import incoming_store
import metadata_store
import recordings_store
from constants import READY_TRANSCRIPT
from datamodels import Recording, RecordingId, RecordingMetadata, RecordingProgress, ScenarioId, Stage, UserId
from datamodels_telegram import WizardStep
from db import Connection, Database
from dialogs import find_wizard
from errors import NotFound
from limits.store import allowances
from limits.values import this_month
from limits.words import little_left

WithOwnRecording = Callable[[Connection, Recording], Awaitable[None]]
"""Does something more in the transaction in which a recording is found, such as putting its file into the outbox."""


class RecordingView(NamedTuple):
    """A recording as lists and pages show it: with the progress of the work on it and on its reports."""

    recording: Recording
    progress: RecordingProgress
    metadata: RecordingMetadata


class RecordingPage(NamedTuple):
    """A page of a person's recordings of one scenario or of all, of which there are ``total``."""

    views: list[RecordingView]
    page: int
    total: int

    @property
    def recordings(self) -> list[Recording]:
        return [each.recording for each in self.views]

    @property
    def places(self) -> Mapping[RecordingId, str]:
        """The place of each recording whose metadata have one."""
        return {each.recording.id: each.metadata.place for each in self.views if each.metadata.place is not None}


class RecordingCard(NamedTuple):
    """A recording, the progress of the work on it and on its reports, and its metadata.

    ``origin`` is who wrote the message that brought it, "" when that was its owner. ``kind_is_asked`` tells that its
    owner is asked what it is. ``little_left`` says of which limits little is left.
    """

    recording: Recording
    progress: RecordingProgress
    metadata: RecordingMetadata
    origin: str
    kind_is_asked: bool = False
    little_left: Sequence[str] = ()


def is_ready(recording: Recording) -> bool:
    """Tell whether the recording came as a ready transcript: there is no sound, and nothing to recognise."""
    return recording.container == READY_TRANSCRIPT


def is_transcribed(recording: Recording) -> bool:
    """Tell whether the whole transcript is there, with speakers and roles."""
    return recording.stage is Stage.DONE


def has_stopped(recording: Recording) -> bool:
    """Tell whether work on the recording has stopped and only a person will start it again."""
    return recording.error_code is not None and recording.retry_at is None


def is_at_work(recording: Recording) -> bool:
    """Tell whether the recording is being worked on, or will be without anybody asking."""
    return not is_transcribed(recording) and not has_stopped(recording)


class Recordings:
    """The recordings of every person."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, owner: UserId, number: int, with_recording: WithOwnRecording | None = None) -> Recording:
        """Load a recording of the owner; ``with_recording`` is called in the same transaction.

        Raises:
            NotFound: the owner has none of that number.
        """
        async with self._database.transaction() as connection:
            recording = await recordings_store.get_by_number(connection, owner, number)
            if with_recording is not None:
                await with_recording(connection, recording)
        return recording

    async def find_transcript(self, owner: UserId, number: int, with_transcript: WithOwnRecording) -> Recording:
        """Load a recording of the owner; if it is transcribed, ``with_transcript`` is called in the same transaction.

        Raises:
            NotFound: the owner has none of that number.
        """
        async with self._database.transaction() as connection:
            recording = await recordings_store.get_by_number(connection, owner, number)
            if is_transcribed(recording):
                await with_transcript(connection, recording)
        return recording

    async def view(self, owner: UserId, number: int) -> RecordingView:
        """Load the owner's recording as pages show it.

        Raises:
            NotFound: the owner has none of that number.
        """
        async with self._database.transaction() as connection:
            return await _view(connection, await recordings_store.get_by_number(connection, owner, number))

    async def card(self, owner: UserId, number: int) -> RecordingCard:
        """Load the owner's recording with all that is known of it.

        Raises:
            NotFound: the owner has none of that number.
        """
        async with self._database.transaction() as connection:
            recording = await recordings_store.get_by_number(connection, owner, number)
            view = await _view(connection, recording)
            sent = await incoming_store.find_sent(connection, recording.id)
            origin = "" if sent is None else sent.origin
            wizard = await find_wizard(connection, owner, recording.id)
            asked = wizard is not None and wizard.step is WizardStep.SCENARIO
            left = little_left(await allowances(connection, owner, this_month()))
            return RecordingCard(*view, origin, asked, left)

    async def page(self, owner: UserId, scenario: ScenarioId | None, page: int, size: int) -> RecordingPage:
        """Load a page of the owner's recordings of a scenario, of all with None.

        The newest come first, ``size`` on a page. ``page`` counts from 1; beyond the last page, that one is loaded.
        """
        async with self._database.transaction() as connection:
            total = await recordings_store.count_recordings(connection, owner, scenario)
            page = min(page, max(1, -(-total // size)))
            rows = await recordings_store.list_recordings(connection, owner, scenario, size, (page - 1) * size)
            return RecordingPage(await _views(connection, rows), page, total)


async def _view(connection: Connection, recording: Recording) -> RecordingView:
    views = await _views(connection, [recording])
    if not views:
        raise NotFound(what=f"recording {recording.id}")
    return views[0]


async def _views(connection: Connection, recordings: Sequence[Recording]) -> list[RecordingView]:
    """Load what there is to show of recordings; those that are deleted meanwhile are left out."""
    ids = [each.id for each in recordings]
    progress = {each.recording_id: each for each in await recordings_store.load_progress(connection, ids)}
    metadata = await metadata_store.load_metadata_of_all(connection, ids)
    return [RecordingView(each, progress[each.id], metadata[each.id]) for each in recordings if each.id in progress]
