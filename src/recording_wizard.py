"""Recording wizards: each leads a person from the transcript over scenario and metadata to the reports.

A move is one transaction: it writes the wizard's new step and puts the messages of this step into the outbox. So each
move is made once, whenever the process is killed.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from datetime import date
from functools import partial
from typing import Literal
from uuid import UUID

import cards_store
import metadata_store
import outbox_store
import recording_wizard_store
import recordings_store
import reports_store
import transcripts_store
from cards_store import Deliverable
from constants import NO_SCENARIO
from datamodels import Recording, RecordingId, ReportRun, ReportRunId, RunStatus
from datamodels_telegram import (
    FileReference,
    FileSource,
    MessageKind,
    OutgoingMessage,
    ProgressCard,
    RecordingWizard,
    Screen,
    WizardStep,
)
from db import Connection, Database
from dialogs import get_user_lock
from errors import NotFound
from followers import KeyedTasks, Loop
from markups.metadata import caption_problems, form_kind, form_screen
from markups.recordings import which_scenario
from markups.reports import (
    is_long,
    more_reports,
    report_failed,
    report_file_caption,
    report_messages,
    transcript_file_caption,
    transcript_message,
)
from metadata.defaults import offer_defaults
from metadata.fields import missing, problems_of_caption
from metadata.form import begin_form
from prompt_pack.models import ReportPack
from random_ids import new_name
from recording_wizard_store import ReadyWizard
from recordings.descriptions import known_metadata
from reports.research.store import find_order
from system.local_time import ZoneOf, in_zone, local, zone_of_machine

_TRANSCRIPTS_AT_ONCE = 4

Subject = tuple[Literal["recording", "card"], UUID | int]


class RecordingWizards:
    """Moves the wizards on. ``enqueue_proposal`` enqueues, in a transaction, the job that proposes metadata.

    ``zone_of`` returns a person's time zone.
    """

    def __init__(
        self,
        database: Database,
        pack: ReportPack,
        enqueue_proposal: Callable[[Connection, RecordingId], Awaitable[None]],
        wake_outbox: Callable[[], None],
        today: Callable[[], date],
        zone_of: ZoneOf = zone_of_machine,
    ) -> None:
        self._database = database
        self._pack = pack
        self._enqueue_proposal = enqueue_proposal
        self._wake_outbox = wake_outbox
        self._today = today
        self._zone_of = zone_of
        self._loop = Loop("wizards")
        self._transcripts = asyncio.Semaphore(_TRANSCRIPTS_AT_ONCE)
        self._asked_for: set[tuple[RecordingId, int]] = set()
        """The rounds of recordings for which this process has enqueued a proposal: once is enough."""

    def wake(self) -> None:
        """Look at once: a person has said something that a wizard waited for."""
        self._loop.wake()

    async def run(self) -> None:
        """Move wizards until cancelled."""
        async with asyncio.TaskGroup() as group:
            tasks: KeyedTasks[Subject] = KeyedTasks("wizards", group, lambda: None)
            await self._loop.run(lambda: self._look(tasks))

    async def _look(self, tasks: KeyedTasks[Subject]) -> None:
        busy = tasks.busy
        async with self._database.transaction() as connection:
            ready = await recording_wizard_store.list_ready(connection)
            deliverable = await cards_store.deliverable(connection)
        work: dict[Subject, Callable[[], Coroutine[None, None, None]]] = {
            **{("card", each.card.id): partial(self._deliver_reports, each) for each in deliverable},
            **{
                ("recording", each.wizard.recording_id): partial(self._move, each)
                for each in ready
                if not self._waits_for_proposal(each)
            },
        }
        for subject in work.keys() - busy:
            tasks.start(subject, work[subject]())

    def _waits_for_proposal(self, ready: ReadyWizard) -> bool:
        asked = ready.wizard.step is WizardStep.PROPOSAL and _round(ready.wizard) in self._asked_for
        return asked and not ready.proposed

    async def _move(self, ready: ReadyWizard) -> None:
        if ready.wizard.step is WizardStep.TRANSCRIPT:
            await self._deliver_transcript(ready.wizard)
        else:
            await self._ask_for_metadata(ready.wizard)

    async def _deliver_transcript(self, wizard: RecordingWizard) -> None:
        shown = await self._transcript(wizard)
        async with get_user_lock(wizard.owner_id), self._database.transaction() as connection:
            ready = await recording_wizard_store.lock_ready(connection, wizard)
            if ready is None:
                return
            # The scenario may have been chosen, or changed, since the look.
            recording = await _recording(connection, wizard)
            # A recording that is deleted and sent again has its id again, but another number.
            key = f"transcript:{recording.id}:{recording.number}:{wizard.round}"
            await self._put(connection, wizard, f"{key}:text", shown)
            file = FileReference(source=FileSource.TRANSCRIPT, subject=recording.id, extension="txt")
            await self._put(connection, wizard, f"{key}:file", transcript_file_caption(recording), file=file)
            if recording.request.scenario != NO_SCENARIO:
                step = WizardStep.PROPOSAL
            elif ready.scenario_known:
                step = WizardStep.CLOSED
            else:
                step = WizardStep.SCENARIO
                # Sent as a question, it would remove one about another recording, and be removed by the next.
                kind, screen = MessageKind.INFO_MESSAGE, which_scenario(recording, self._pack.scenarios)
                await self._put(connection, wizard, f"{key}:scenario", screen, kind=kind)
            await recording_wizard_store.move(connection, wizard, step)
        # A recording that is deleted and sent again is in its first round again.
        self._asked_for.discard(_round(wizard))
        self._wake_outbox()
        self._loop.wake()

    async def _transcript(self, wizard: RecordingWizard) -> Screen:
        async with self._transcripts:
            async with self._database.transaction() as connection:
                recording = await _recording(connection, wizard)
                transcript = await transcripts_store.load_transcript(connection, recording.id)
            if transcript is None:
                raise NotFound(what=f"transcript of {recording.id}")
            return await asyncio.to_thread(transcript_message, recording, transcript)

    async def _ask_for_metadata(self, wizard: RecordingWizard) -> None:
        async with get_user_lock(wizard.owner_id):
            async with self._database.transaction() as connection:
                if not await self._begin_dialog(connection, wizard):
                    return
            # Committed: the job is there.
            self._asked_for.add(_round(wizard))
        self._wake_outbox()

    async def _begin_dialog(self, connection: Connection, wizard: RecordingWizard) -> bool:
        """Show the form, with what can be filled in for the person.

        When fields are missing and their values have not been proposed yet, enqueue the proposal instead. Return False
        when nothing was done: the wizard is not ready any more, or another dialog is open.
        """
        ready = await recording_wizard_store.lock_ready(connection, wizard)
        if ready is None:
            return False
        recording = await _recording(connection, wizard)
        metadata = await known_metadata(connection, recording, self._today())
        fields = missing(recording.request.scenario, metadata)
        if fields and not ready.proposed:
            await self._enqueue_proposal(connection, recording.id)
            return True
        if not ready.may_ask:
            # Nothing has to be proposed: the form waits for its turn without being looked at every second.
            await metadata_store.set_proposed(connection, recording.id, proposed=True)
            return False
        problems = await asyncio.to_thread(
            problems_of_caption, recording.request.caption, recording.request.scenario, metadata, self._today()
        )
        with in_zone(await self._zone_of(wizard.owner_id)):
            came = local(recording.created_at).date()
        await offer_defaults(connection, recording, metadata, came, frozenset(each.field for each in problems))
        turn = await begin_form(connection, recording)
        if turn is None:
            return False
        if problems:
            key = f"caption:{recording.id}:{wizard.round}"
            told = caption_problems(recording.number, problems)
            await self._put(connection, wizard, key, told, kind=MessageKind.INFO_MESSAGE)
        # The move alone makes this happen once. The key is new each time, as the dialog may begin again in the same
        # round when the scenario is chosen late.
        message = OutgoingMessage(kind=form_kind(turn), screen=form_screen(turn), subject=recording.id)
        key = f"metadata:{recording.id}:{new_name()}"
        await outbox_store.put(connection, key, wizard.owner_id, wizard.chat_id, message)
        return await recording_wizard_store.move(connection, wizard, WizardStep.CONFIRMATION)

    async def _deliver_reports(self, deliverable: Deliverable) -> None:
        """Put the outcome of each ended report into the outbox, and after the last one an offer of those that lack."""
        card, left = deliverable.card, set(deliverable.card.run_ids) - set(deliverable.card.delivered)
        for run_id in deliverable.ended:
            left.discard(run_id)
            async with self._database.transaction() as connection:
                if await cards_store.note_delivered(connection, card.id, run_id):
                    await self._put_outcome(connection, card, run_id)
                    if not left:
                        await self._put_question_for_more(connection, card)
            self._wake_outbox()

    async def _put_outcome(self, connection: Connection, card: ProgressCard, run_id: ReportRunId) -> None:
        run = await _found_run(connection, run_id)
        if run is None or run.status is RunStatus.CANCELLED:
            return  # the card says so
        label, key = self._pack.label_of(run.report_id), f"report:{card.id}:{run_id}"
        about = await _about(connection, card, run)
        if run.status is not RunStatus.DONE:
            failed = report_failed(about, run, label)
            await self._put(connection, card, f"{key}:failed", failed, kind=MessageKind.INFO_MESSAGE)
            return
        for position, screen in enumerate(report_messages(about, run, label)):
            await self._put(connection, card, f"{key}:text:{position}", screen)
        if is_long(run):
            file = FileReference(source=FileSource.REPORT, subject=run.id, extension="docx")
            await self._put(connection, card, f"{key}:file", report_file_caption(about, run, label), file=file)

    async def _put_question_for_more(self, connection: Connection, card: ProgressCard) -> None:
        runs = [await _found_run(connection, run_id) for run_id in card.run_ids]
        done = next((run for run in runs if run is not None and run.status is RunStatus.DONE), None)
        if done is not None and done.recording_id is not None:
            recording = await recordings_store.get_recording(connection, card.owner_id, done.recording_id)
            if await self._lacks_reports(connection, recording):
                more = more_reports(recording)
                await self._put(connection, card, f"report:{card.id}:more", more, kind=MessageKind.STATUS_MESSAGE)

    async def _lacks_reports(self, connection: Connection, recording: Recording) -> bool:
        scenario = self._pack.find_scenario(recording.request.scenario)
        if scenario is None:
            return True
        runs = await reports_store.list_runs(connection, recording.id)
        written = {run.report_id for run in runs if run.status is RunStatus.DONE}
        return not written.issuperset(report.id for report in scenario.reports)

    async def _put(
        self,
        connection: Connection,
        about: RecordingWizard | ProgressCard,
        key: str,
        screen: Screen,
        *,
        kind: MessageKind = MessageKind.RESULT,
        file: FileReference | None = None,
    ) -> None:
        message = OutgoingMessage(kind=kind, screen=screen, file=file)
        await outbox_store.put(connection, key, about.owner_id, about.chat_id, message)


async def _about(connection: Connection, card: ProgressCard, run: ReportRun) -> Recording | str:
    """Load the recording of a report, or the question of a research."""
    if run.recording_id is not None:
        return await recordings_store.get_recording(connection, card.owner_id, run.recording_id)
    order = await find_order(connection, run.id)
    return "" if order is None else order.question


async def _recording(connection: Connection, wizard: RecordingWizard) -> Recording:
    return await recordings_store.get_recording(connection, wizard.owner_id, wizard.recording_id)


def _round(wizard: RecordingWizard) -> tuple[RecordingId, int]:
    return wizard.recording_id, wizard.round


async def _found_run(connection: Connection, run_id: ReportRunId) -> ReportRun | None:
    try:
        return await reports_store.get_run(connection, run_id)
    except NotFound:
        return None
