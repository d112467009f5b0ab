"""Changes that people make to a stored recording: its scenario, who finds it when asking, its deletion."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta

import cards_store
import incoming_store
import metadata_store
import outbox_store
import recordings_store
import reports_store
import user_states
from chats.forgetting import forget_source
from constants import NO_SCENARIO
from datamodels import BuildingType, Recording, RecordingId, ScenarioId, Stage, UserId, Visibility
from db import Connection, Database
from dialogs import leave_dialog
from md_storage import ReportFiles
from object_store import ObjectStore, key_for_transcript
from prompt_pack.manifest import ScenarioRole
from prompt_pack.models import ReportPack
from recordings import shares_store
from recordings.purposes import was_taken_as_recording
from user_states import State

_ORDER = tuple(Stage)
_REMEMBERED = timedelta(days=1)
"""How long the latest deletion is kept, for a press that is handled again."""


class LastDeletion(State):
    """A person's latest deletion, with number and name of the recording that is gone.

    ``asked_by`` is the update that asked for it: when this update is handled again, the answer is the same.
    """

    KEY = "recording_last_deletion"
    asked_by: str
    number: int
    file_name: str


class RecordingChanges:
    """Changes recordings.

    ``enqueue`` adds the job of a recording to a transaction. ``stopped`` returns a context manager that ends all work
    on a recording; no work on the recording begins until the block ends. ``forget_research`` takes what it said out of
    everybody's research.
    """

    def __init__(
        self,
        database: Database,
        objects: ObjectStore,
        files: ReportFiles,
        pack: ReportPack,
        enqueue: Callable[[Connection, RecordingId], Awaitable[None]],
        stopped: Callable[[RecordingId], AbstractAsyncContextManager[None]],
        forget_research: Callable[[RecordingId], Awaitable[None]],
    ) -> None:
        self._database = database
        self._objects = objects
        self._files = files
        self._pack = pack
        self._enqueue = enqueue
        self._stopped = stopped
        self._forget_research = forget_research

    async def choose_scenario(
        self,
        connection: Connection,
        owner: UserId,
        recording_id: RecordingId,
        scenario: ScenarioId,
        building: BuildingType | None = None,
    ) -> Recording:
        """Set the scenario and the building type, which stays when ``building`` is None; clear an earlier failure.

        The job of a recording that is not done, or not done any more, is enqueued: speakers or roles that the scenario
        changes are found anew. Nothing is transcribed again.

        Raises:
            NotFound: the owner has no such recording.
            UnknownChoice: no such scenario.
        """
        recording = await recordings_store.lock_recording(connection, owner, recording_id)
        stage = min(recording.stage, self._last_unchanged(recording, scenario), key=_ORDER.index)
        chosen = await recordings_store.choose_scenario(
            connection, recording_id, scenario, building or recording.request.building, stage
        )
        if chosen.stage is not Stage.DONE:
            await self._enqueue(connection, recording_id)
        return chosen

    async def show_to(self, owner: UserId, number: int, visibility: Visibility) -> None:
        """Set who finds the owner's recording when asking, its transcript and reports alike. It counts at once.

        One that becomes private is shared with nobody.

        Raises:
            NotFound: the owner has none of that number.
        """
        async with self._database.transaction() as connection:
            recording = await recordings_store.get_by_number(connection, owner, number)
            await recordings_store.set_visibility(connection, recording.id, visibility)
            if visibility is Visibility.PRIVATE:
                await shares_store.end_all(connection, recording.id)

    async def last_deletion(self, owner: UserId, asked_by: str) -> LastDeletion | None:
        """Return the owner's last deletion if the update ``asked_by`` asked for it, else None."""
        async with self._database.transaction() as connection:
            last = await user_states.get(connection, owner, LastDeletion)
        return last if last is not None and last.asked_by == asked_by else None

    async def delete(self, owner: UserId, recording_id: RecordingId, asked_by: str = "") -> LastDeletion:
        """Delete the recording with its work, dialog, objects, reports, rows, messages, and names nobody else uses.

        What it said goes out of everybody's answers and research, too.

        The rows go last: after a crash the recording is still listed, and deleting it again removes the rest. Names
        that a crash leaves go with the next recording.

        Raises:
            NotFound: the owner has no such recording.
            ObjectStoreUnavailable, DatabaseUnavailable, ReportIndexBroken, DiskFull: the recording is still listed.
        """
        async with self._database.transaction() as connection:
            recording = await recordings_store.get_recording(connection, owner, recording_id)
            await leave_dialog(connection, owner, recording_id)
        async with self._stopped(recording_id):
            async with self._database.transaction() as connection:
                runs = await reports_store.list_runs(connection, recording_id)
            for run in runs:
                await self._files.delete(owner, run.id)
            await self._forget_research(recording_id)
            for key in (recording.object_key, key_for_transcript(owner, recording_id)):
                await self._objects.delete(key)
            async with self._database.transaction() as connection:
                cards = await cards_store.ids_of(connection, recording_id)
                await incoming_store.forget_captions(connection, recording_id)
                await cards_store.tell_deletion(connection, recording_id)
                await recordings_store.delete_recording(connection, recording_id)
                await forget_source(connection, recording_id)
                # Afterwards: whoever still writes about the recording has ended, or finds it gone.
                await outbox_store.delete_about(connection, owner, recording_id, [run.id for run in runs], cards)
                done = LastDeletion(asked_by=asked_by, number=recording.number, file_name=recording.file_name)
                await user_states.put(connection, owner, done, ttl=_REMEMBERED)
            # Once more: a research that was finished before the rows went may have known it.
            await self._forget_research(recording_id)
            async with self._database.transaction() as connection:
                await metadata_store.delete_unused_names(connection)
        return done

    async def make_question(self, owner: UserId, incoming_id: int) -> tuple[bool, RecordingId | None]:
        """Have a short voice note that came in as a recording heard as a question; return the recording that has gone.

        False when the file is no such note, was heard before, or reports of its recording were ordered. The recording
        goes first: after a crash between the two, the button is handled again.

        Raises:
            NotFound: the owner has sent no such file.
            ObjectStoreUnavailable, DatabaseUnavailable, ReportIndexBroken, DiskFull: it is still a recording.
        """
        async with self._database.transaction() as connection:
            incoming = await incoming_store.get(connection, owner, incoming_id)
            own = None if incoming.known else incoming.recording_id
            ordered = own is not None and await reports_store.list_runs(connection, own)
        if ordered or not was_taken_as_recording(incoming):
            return False, None
        if own is not None:
            await self.delete(owner, own)
        async with self._database.transaction() as connection:
            made = await incoming_store.reopen_as_words(connection, owner, incoming_id)
            if made:
                await cards_store.open_again(connection, incoming_id)
        return made, own

    def _last_unchanged(self, recording: Recording, scenario: ScenarioId) -> Stage:
        """Return the last stage whose result is the same with ``scenario`` as with the recording's present scenario."""
        voices_before, roles_before = self._speakers(recording.request.scenario)
        voices, roles = self._speakers(scenario)
        if voices == voices_before and roles == roles_before:
            return Stage.DONE
        # Roles that are there are removed only when the speakers are found anew.
        return Stage.SPEAKERS_KNOWN if voices == voices_before and not roles_before else Stage.TRANSCRIBED

    def _speakers(self, scenario_id: ScenarioId) -> tuple[bool, tuple[ScenarioRole, ...]]:
        """Return whether the scenario tells voices apart, and the roles that they get."""
        if scenario_id == NO_SCENARIO:
            return True, ()
        scenario = self._pack.scenario(scenario_id)
        return scenario.diarize, scenario.roles if scenario.diarize else ()
