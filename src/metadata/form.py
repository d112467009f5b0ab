"""The form of a recording's metadata: questions field by field, changes to single fields, the confirmation.

The metadata and the dialog change in one transaction, and the screen follows from the dialog. So a press or a message
that is handled twice changes nothing and leads to the same screen. Callers hold ``dialogs.get_user_lock`` while they
change a form.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum

import metadata_store
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
)
from errors import BadText, NotFound, OutdatedButton
from metadata.fields import Field, missing, parse

_LASTS = timedelta(hours=24)

ASKED: dict[Step, Field] = {Step(f"ask_{field}"): field for field in Field}
"""The field that each step of the first round of questions asks for."""
EDITED: dict[Step, Field] = {Step(f"edit_{field}"): field for field in Field}
"""The field that each step of a later change asks for."""


@dataclass(frozen=True)
class FormTurn:
    """Where a person is in the form. ``reason`` says why the last reply was not accepted.

    With ``is_question`` the typed text is no reply but a question to the archive; nothing was changed.
    """

    dialog: Dialog
    recording: Recording
    metadata: RecordingMetadata
    reason: str | None = None
    buttons_only: bool = False
    """Whether the person typed where only buttons are accepted."""
    is_question: bool = False


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

    async def find(self, owner: UserId, number: int) -> tuple[Recording, RecordingMetadata]:
        """Load a recording by its number, and its metadata.

        Raises:
            NotFound: the owner has no such recording.
        """
        async with self._database.transaction() as connection:
            recording = await recordings_store.get_by_number(connection, owner, number)
            return recording, await _metadata(connection, recording)

    async def described(self, owner: UserId, number: int) -> Recording:
        """Load a recording whose metadata can be changed.

        Raises:
            NotFound: the owner has no such recording.
            OutdatedButton: only its transcript is wanted.
        """
        async with self._database.transaction() as connection:
            return await _described(connection, owner, number)

    async def back(self, owner: UserId, number: int) -> FormTurn | Recording:
        """Go back to the confirmation, and return where the person is in the form then; an expired form begins anew.

        When this would cut off the questions about another recording, change nothing and return the other recording.
        ``edit``, ``skip`` and ``set_building`` do the same.

        Raises:
            NotFound, OutdatedButton: as ``described``.
        """

        async def back(connection: Connection, turn: FormTurn) -> FormTurn:  # noqa: ARG001
            return replace(turn, dialog=_at(turn.dialog, Step.CONFIRM_DATA))

        return await self._turn(owner, number, back)

    async def edit(self, owner: UserId, number: int, field: Field) -> FormTurn | Recording:
        """Ask for another value of a field."""

        async def ask(connection: Connection, turn: FormTurn) -> FormTurn:  # noqa: ARG001
            return replace(turn, dialog=_at(turn.dialog, Step(f"edit_{field}")))

        return await self._turn(owner, number, ask)

    async def skip(self, owner: UserId, number: int, field: str | None) -> FormTurn | Recording:
        """Skip the field if it is the one being asked for; with None, skip all fields that are still to come."""

        async def skip(connection: Connection, turn: FormTurn) -> FormTurn:  # noqa: ARG001
            asked = ASKED.get(turn.dialog.step)
            if asked is None or field not in {None, asked}:
                return turn
            return _next(turn, skip=tuple(Field) if field is None else (asked,))

        return await self._turn(owner, number, skip)

    async def set_building(self, owner: UserId, number: int, building: BuildingType) -> FormTurn | Recording:
        """Set the building type, if it is asked for."""

        async def put(connection: Connection, turn: FormTurn) -> FormTurn:
            if turn.dialog.step not in {Step.ASK_BUILDING_TYPE, Step.EDIT_BUILDING_TYPE}:
                return turn
            return await _saved(connection, turn, turn.metadata.model_copy(update={"building": building}))

        return await self._turn(owner, number, put)

    async def typed(
        self, owner: UserId, message_id: int, text: str, is_question: Callable[[Step], bool] = lambda _: False
    ) -> FormTurn:
        """Take typed text as the reply that the form waits for; a message that was taken before is not taken again.

        ``is_question`` tells whether the text is a question to the archive when it comes at a step.

        Raises:
            OutdatedButton: no form is open.
            NotFound: the recording was deleted.
        """
        async with self._database.transaction() as connection:
            dialog = await user_states.get(connection, owner, Dialog)
            if dialog is None:
                raise OutdatedButton(data="dialog")
            recording = await recordings_store.get_recording(connection, owner, dialog.recording_id)
            turn = FormTurn(dialog, recording, await _metadata(connection, recording))
            if message_id > dialog.answered:
                if is_question(dialog.step):
                    return replace(turn, is_question=True)
                turn = await self._taken(connection, turn, text)
                answered = turn.dialog.model_copy(update={"answered": message_id})
                await user_states.put(connection, owner, answered, ttl=_LASTS)
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

    async def cancel(self, owner: UserId) -> Cancelled:
        """End the person's dialog, of any kind; values given so far stay.

        After questions about a recording no others begin for some minutes.
        """
        async with self._database.transaction() as connection:
            if await user_states.get(connection, owner, OpenDialog) is None:
                return Cancelled.NOTHING
            dialog = await user_states.get(connection, owner, Dialog)
            await user_states.drop(connection, owner, OpenDialog)
            if dialog is None:
                return Cancelled.OTHER_DIALOG
            await leave_in_peace(connection, owner)
            await go_on_to_reports(connection, owner, dialog.recording_id)
            return Cancelled.FORM

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

    async def _turn(self, owner: UserId, number: int, change: Change) -> FormTurn | Recording:
        """Apply ``change`` to the form of a recording, as ``back`` describes."""
        async with self._database.transaction() as connection:
            recording = await _described(connection, owner, number)
            dialog = await user_states.get(connection, owner, Dialog)
            other = await _unfinished_other(connection, owner, dialog, recording)
            if other is not None:
                return other
            await may_ask_again(connection, owner)
            turn = await change(connection, _begun(dialog, recording, await _metadata(connection, recording)))
            await user_states.put(connection, owner, turn.dialog, ttl=_LASTS)
            return turn


async def open_form(connection: Connection, owner: UserId, recording_id: RecordingId | None) -> FormTurn | None:
    """Load where the person is in the form of a recording; None when it is not open, and for no recording."""
    dialog = await user_states.get(connection, owner, Dialog)
    if dialog is None or dialog.recording_id != recording_id:
        return None
    try:
        recording = await recordings_store.get_recording(connection, owner, dialog.recording_id)
    except NotFound:
        return None  # deleted meanwhile
    return FormTurn(dialog, recording, await _metadata(connection, recording))


async def _unfinished_other(
    connection: Connection, owner: UserId, dialog: Dialog | None, recording: Recording
) -> Recording | None:
    """Return the recording whose questions a dialog about ``recording`` would cut off; None when there is none."""
    if dialog is None or dialog.recording_id == recording.id:
        return None
    wizard = await find_wizard(connection, owner, dialog.recording_id)
    if wizard is None or wizard.step is not WizardStep.CONFIRMATION:
        return None
    return await recordings_store.get_recording(connection, owner, dialog.recording_id)


async def _described(connection: Connection, owner: UserId, number: int) -> Recording:
    recording = await recordings_store.get_by_number(connection, owner, number)
    if recording.request.scenario == NO_SCENARIO:
        raise OutdatedButton(data="metadata")
    return recording


async def _metadata(connection: Connection, recording: Recording) -> RecordingMetadata:
    return await metadata_store.load_metadata(connection, recording.id)


async def _saved(connection: Connection, turn: FormTurn, metadata: RecordingMetadata) -> FormTurn:
    await metadata_store.save_metadata(connection, turn.recording.id, metadata)
    turn = replace(turn, metadata=metadata)
    if turn.dialog.step in EDITED:
        return replace(turn, dialog=_at(turn.dialog, Step.CONFIRM_DATA))
    return _next(turn)


def _begun(dialog: Dialog | None, recording: Recording, metadata: RecordingMetadata) -> FormTurn:
    if dialog is None or dialog.recording_id != recording.id:
        dialog = Dialog(step=Step.CONFIRM_DATA, recording_id=recording.id)
        return _next(FormTurn(dialog, recording, metadata))
    return FormTurn(dialog, recording, metadata)


def _next(turn: FormTurn, skip: Sequence[str] = ()) -> FormTurn:
    """Go on to the next field that is missing and was not skipped, else to the confirmation."""
    skipped = tuple(dict.fromkeys([*turn.dialog.skipped, *skip]))
    fields = missing(turn.recording.request.scenario, turn.metadata)
    step = next((Step(f"ask_{field}") for field in fields if field not in skipped), Step.CONFIRM_DATA)
    return replace(turn, dialog=_at(turn.dialog.model_copy(update={"skipped": skipped}), step))


def _at(dialog: Dialog, step: Step) -> Dialog:
    return dialog.model_copy(update={"step": step, "tries": 0})
