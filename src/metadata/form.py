"""The form of a recording's metadata: one card with all fields, a question for one of them, the confirmation.

The metadata and the dialog change in one transaction, and the screen follows from the dialog. So a press or a message
that is handled twice changes nothing and leads to the same screen. A person has one form open;
to open another puts the first aside, to be found among what waits. Callers hold ``dialogs.get_user_lock`` while they
change a form.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum

import metadata_store
import recording_wizard_store
import recordings_store
import user_states
from constants import NO_SCENARIO
from datamodels import BuildingType, Recording, RecordingId, RecordingMetadata, UserId
from datamodels_telegram import WizardStep
from db import Connection, Database
from dialogs import (
    Dialog,
    OpenDialog,
    Step,
    find_wizard,
    go_on_to_reports,
    leave_dialog,
    leave_in_peace,
    may_ask_again,
    wait_for_turn,
)
from errors import BadText, NotFound, OutdatedButton
from metadata.defaults import offer_defaults
from metadata.fields import VALUE_OF, Field, missing, parse, problems_of_caption
from metadata.waiting import list_waiting
from metadata_store import Offered
from system.local_time import local

_LASTS = timedelta(hours=24)

ASKED: dict[Step, Field] = {Step(f"ask_{field}"): field for field in Field}
"""The field that each step of the first round of questions asks for."""
EDITED: dict[Step, Field] = {Step(f"edit_{field}"): field for field in Field}
"""The field that each step of a later change asks for."""


class Reading(StrEnum):
    """What typed text is, as far as words tell."""

    VALUE = "value"
    QUESTION = "question"
    DOUBTFUL = "doubtful"
    COURTESY = "courtesy"
    """Thanks, a greeting, «ок»: neither a value nor a question."""


@dataclass(frozen=True)
class FormTurn:
    """Where a person is in the form. ``reason`` says why the last reply was not accepted.

    ``offered`` are the fields that nobody has looked at yet, ``others`` counts the other recordings that wait.
    ``question`` is the typed text when it is no reply but a question to the archive; nothing was changed then, nor
    when it was a ``courtesy``.
    """

    dialog: Dialog
    recording: Recording
    metadata: RecordingMetadata
    offered: Offered
    others: int = 0
    reason: str | None = None
    buttons_only: bool = False
    """Whether the person typed where only buttons are accepted."""
    question: str = ""
    courtesy: bool = False


class Cancelled(StrEnum):
    """The dialog that a cancellation ended."""

    NOTHING = "nothing"
    FORM = "form"
    OTHER_DIALOG = "other dialog"


Change = Callable[[Connection, FormTurn], Awaitable[FormTurn]]


class MetadataForm:
    """The form of a recording's metadata; one object serves all people. No recording is from after ``today()``."""

    def __init__(self, database: Database, today: Callable[[], date]) -> None:
        self._database = database
        self._today = today

    async def find(self, owner: UserId, number: int) -> Recording:
        """Load a recording by its number.

        Raises:
            NotFound: the owner has no such recording.
        """
        async with self._database.transaction() as connection:
            return await recordings_store.get_by_number(connection, owner, number)

    async def back(self, owner: UserId, number: int) -> FormTurn:
        """Go back to the card with all fields; a form that is not open, or has expired, begins there.

        The form of another recording is put aside; so do ``edit``, ``fill_in``, ``skip`` and those that set a value.

        Raises:
            NotFound: the owner has no such recording.
            OutdatedButton: only its transcript is wanted.
        """

        async def back(connection: Connection, turn: FormTurn) -> FormTurn:  # noqa: ARG001
            return replace(turn, dialog=_at(turn.dialog, Step.CONFIRM_DATA))

        return await self._turn(owner, number, back)

    async def edit(self, owner: UserId, number: int, field: Field) -> FormTurn:
        """Ask for another value of a field."""

        async def ask(connection: Connection, turn: FormTurn) -> FormTurn:  # noqa: ARG001
            return replace(turn, dialog=_at(turn.dialog, Step(f"edit_{field}")))

        return await self._turn(owner, number, ask)

    async def fill_in(self, owner: UserId, number: int) -> FormTurn:
        """Ask for the first missing field; after each reply the next is asked for."""

        async def ask(connection: Connection, turn: FormTurn) -> FormTurn:  # noqa: ARG001
            return turn if turn.dialog.step in ASKED else _next(_without_skipped(turn))

        return await self._turn(owner, number, ask)

    async def skip(self, owner: UserId, number: int, field: str) -> FormTurn:
        """Skip the field if it is the one being asked for."""

        async def skip(connection: Connection, turn: FormTurn) -> FormTurn:  # noqa: ARG001
            asked = ASKED.get(turn.dialog.step)
            return turn if asked is None or field != asked else _next(turn, skip=(asked,))

        return await self._turn(owner, number, skip)

    async def set_building(self, owner: UserId, number: int, building: BuildingType) -> FormTurn:
        """Set the building type, if it is asked for."""
        return await self._put(owner, number, Field.BUILDING_TYPE, building)

    async def set_today(self, owner: UserId, number: int) -> FormTurn:
        """Set the date to the person's day, if it is asked for."""
        return await self._put(owner, number, Field.DATE, self._today())

    async def settle(self, owner: UserId, number: int, *, is_value: bool) -> FormTurn:
        """Take the text that was doubtful as the reply, or return it as a question; change nothing without one."""

        async def settle(connection: Connection, turn: FormTurn) -> FormTurn:
            text = turn.dialog.doubted
            turn = replace(turn, dialog=turn.dialog.model_copy(update={"doubted": ""}))
            if is_value and text:
                return await self._taken(connection, turn, text)
            return replace(turn, question=text)

        return await self._turn(owner, number, settle)

    async def typed(
        self, owner: UserId, message_id: int, text: str, read: Callable[[Step], Reading] = lambda _: Reading.VALUE
    ) -> FormTurn:
        """Take typed text as the reply that the form waits for; a message that was taken before is not taken again.

        ``read`` tells what the text is when it comes at a step. What is doubtful is kept until ``settle``.

        Raises:
            OutdatedButton: no form is open.
            NotFound: the recording was deleted.
        """
        async with self._database.transaction() as connection:
            dialog = await user_states.get(connection, owner, Dialog)
            if dialog is None:
                raise OutdatedButton(data="dialog")
            recording = await recordings_store.get_recording(connection, owner, dialog.recording_id)
            turn = await _turn_at(connection, dialog, recording)
            if message_id > dialog.answered:
                reading = read(dialog.step)
                if reading is Reading.QUESTION:
                    return replace(turn, question=text)
                if reading is Reading.COURTESY:
                    return replace(turn, courtesy=True)
                if reading is Reading.DOUBTFUL:
                    turn = replace(turn, dialog=dialog.model_copy(update={"doubted": text}))
                else:
                    turn = replace(turn, dialog=dialog.model_copy(update={"doubted": ""}))
                    turn = await self._taken(connection, turn, text)
                answered = turn.dialog.model_copy(update={"answered": message_id})
                await user_states.put(connection, owner, answered, ttl=_LASTS)
                turn = replace(turn, dialog=answered)
            return turn

    async def confirm(self, owner: UserId, number: int) -> Recording:
        """Confirm the metadata; after that, reports can be ordered.

        Raises:
            NotFound, OutdatedButton: as ``described``.
        """
        async with self._database.transaction() as connection:
            recording = await _described(connection, owner, number)
            await metadata_store.confirm_metadata(connection, recording.id)
            await leave_dialog(connection, owner, recording.id)
            await may_ask_again(connection, owner)
            await go_on_to_reports(connection, owner, recording.id)
            return recording

    async def cancel(self, owner: UserId) -> tuple[Cancelled, RecordingId | None]:
        """End the person's dialog, of any kind; values given so far stay. Return the recording that it was about.

        After questions about a recording no others begin for some minutes.
        """
        async with self._database.transaction() as connection:
            if await user_states.get(connection, owner, OpenDialog) is None:
                return Cancelled.NOTHING, None
            dialog = await user_states.get(connection, owner, Dialog)
            await user_states.drop(connection, owner, OpenDialog)
            if dialog is None:
                return Cancelled.OTHER_DIALOG, None
            await leave_in_peace(connection, owner)
            await go_on_to_reports(connection, owner, dialog.recording_id)
            return Cancelled.FORM, dialog.recording_id

    async def _taken(self, connection: Connection, turn: FormTurn, text: str) -> FormTurn:
        field = ASKED.get(turn.dialog.step) or EDITED.get(turn.dialog.step)
        if field is None:
            return replace(turn, buttons_only=True)
        try:
            # Parsing blocks: the dictionary of word forms is loaded with the first zone.
            metadata = await asyncio.to_thread(parse, field, text, turn.metadata, self._today())
        except BadText as exc:
            tried = turn.dialog.model_copy(update={"tries": turn.dialog.tries + 1})
            return replace(turn, dialog=tried, reason=exc.user_text)
        return await _saved(connection, turn, metadata)

    async def _put(self, owner: UserId, number: int, field: Field, value: BuildingType | date) -> FormTurn:
        async def put(connection: Connection, turn: FormTurn) -> FormTurn:
            if field not in {ASKED.get(turn.dialog.step), EDITED.get(turn.dialog.step)}:
                return turn
            return await _saved(connection, turn, turn.metadata.model_copy(update={VALUE_OF[field]: value}))

        return await self._turn(owner, number, put)

    async def _turn(self, owner: UserId, number: int, change: Change) -> FormTurn:
        """Apply ``change`` to the form of a recording, as ``back`` describes."""
        async with self._database.transaction() as connection:
            recording = await _described(connection, owner, number)
            dialog = await user_states.get(connection, owner, Dialog)
            if dialog is None or dialog.recording_id != recording.id:
                if dialog is not None:
                    await wait_for_turn(connection, owner, dialog.recording_id)
                await self._begin(connection, recording)
                dialog = Dialog(step=Step.CONFIRM_DATA, recording_id=recording.id)
            await may_ask_again(connection, owner)
            turn = await change(connection, await _turn_at(connection, dialog, recording))
            await user_states.put(connection, owner, turn.dialog, ttl=_LASTS)
            return turn

    async def _begin(self, connection: Connection, recording: Recording) -> None:
        """Begin the form of a recording that its person opens before its turn, with what can be filled in."""
        wizard = await find_wizard(connection, recording.owner_id, recording.id)
        if wizard is None or wizard.step is not WizardStep.PROPOSAL:
            return
        known, request = await metadata_store.load_metadata(connection, recording.id), recording.request
        problems = await asyncio.to_thread(problems_of_caption, request.caption, request.scenario, known, self._today())
        misspelt = frozenset(each.field for each in problems)
        await offer_defaults(connection, recording, known, local(recording.created_at).date(), misspelt)
        await recording_wizard_store.move(connection, wizard, WizardStep.CONFIRMATION)


async def open_form(connection: Connection, owner: UserId, recording_id: RecordingId | None) -> FormTurn | None:
    """Load where the person is in the form of a recording; None when it is not open, and for no recording."""
    dialog = await user_states.get(connection, owner, Dialog)
    if dialog is None or dialog.recording_id != recording_id:
        return None
    try:
        recording = await recordings_store.get_recording(connection, owner, dialog.recording_id)
    except NotFound:
        return None  # deleted meanwhile
    return await _turn_at(connection, dialog, recording)


async def begin_form(connection: Connection, recording: Recording) -> FormTurn | None:
    """Open the form of a recording at its card; None when another dialog of the owner is open."""
    dialog = Dialog(step=Step.CONFIRM_DATA, recording_id=recording.id)
    if not await user_states.advance(connection, recording.owner_id, None, dialog, ttl=_LASTS):
        return None
    return await _turn_at(connection, dialog, recording)


async def _turn_at(connection: Connection, dialog: Dialog, recording: Recording) -> FormTurn:
    waiting = await list_waiting(connection, recording.owner_id)
    return FormTurn(
        dialog,
        recording,
        await metadata_store.load_metadata(connection, recording.id),
        await metadata_store.load_offered(connection, recording.id),
        others=sum(each.recording_id != recording.id for each in waiting),
    )


async def _described(connection: Connection, owner: UserId, number: int) -> Recording:
    recording = await recordings_store.get_by_number(connection, owner, number)
    if recording.request.scenario == NO_SCENARIO:
        raise OutdatedButton(data="metadata")
    return recording


async def _saved(connection: Connection, turn: FormTurn, metadata: RecordingMetadata) -> FormTurn:
    """Store values that a person gave; their fields have been looked at."""
    await metadata_store.save_metadata(connection, turn.recording.id, metadata)
    asked = ASKED.get(turn.dialog.step) or EDITED.get(turn.dialog.step)
    left = tuple(field for field in turn.offered.fields if field != asked)
    offered = turn.offered.model_copy(update={"fields": left})
    await metadata_store.set_offered(connection, turn.recording.id, offered)
    turn = replace(turn, metadata=metadata, offered=offered)
    if turn.dialog.step in EDITED:
        return replace(turn, dialog=_at(turn.dialog, Step.CONFIRM_DATA))
    return _next(turn)


def _without_skipped(turn: FormTurn) -> FormTurn:
    return replace(turn, dialog=turn.dialog.model_copy(update={"skipped": ()}))


def _next(turn: FormTurn, skip: Sequence[str] = ()) -> FormTurn:
    """Go on to the next field that is missing and was not skipped, else to the confirmation."""
    skipped = tuple(dict.fromkeys([*turn.dialog.skipped, *skip]))
    fields = missing(turn.recording.request.scenario, turn.metadata)
    step = next((Step(f"ask_{field}") for field in fields if field not in skipped), Step.CONFIRM_DATA)
    return replace(turn, dialog=_at(turn.dialog.model_copy(update={"skipped": skipped}), step))


def _at(dialog: Dialog, step: Step) -> Dialog:
    return dialog.model_copy(update={"step": step, "tries": 0, "doubted": ""})
