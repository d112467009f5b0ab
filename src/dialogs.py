"""Dialogs: the bot's open question to a person, to which the person's next message is the reply.

Dialogs are durable: a person does not notice a restart. Callers that change a person's state hold ``get_user_lock``.
"""

import asyncio
from collections.abc import Collection
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, ClassVar, TypeVar
from weakref import WeakValueDictionary

from pydantic import ConfigDict, Discriminator, Tag

import recording_wizard_store
import user_states
import users_store
from datamodels import RecordingId, UserId
from datamodels_chats import AnswerId
from datamodels_telegram import MessageId, RecordingWizard, WizardStep
from db import Connection, Database
from errors import NotFound
from user_states import State

_LASTS = timedelta(hours=1)
"""How long a dialog stays open; one about a recording has a longer time of its own.
Longer than a list of reports lasts, so that the bot can say of a typed number that its list has expired."""
ASIDE = timedelta(minutes=5)
"""How long a person who has turned away from the questions about a recording is not asked again."""
_AWAY = timedelta(days=30)
"""The same for one who has stopped the bot; who comes back is asked at once."""
_DOUBLE_TAP = timedelta(seconds=10)


class Step(StrEnum):
    """A step of a dialog: the question to which the person's next message is the reply."""

    ASK_AUDIO_NUMBER = "ask_audio_number"
    ASK_DATE = "ask_date"
    ASK_EMPLOYEE = "ask_employee"
    ASK_CLIENT = "ask_client"
    ASK_PLACE_NAME = "ask_place_name"
    ASK_BUILDING_TYPE = "ask_building_type"
    ASK_ZONE = "ask_zone"
    ASK_CITY = "ask_city"
    CONFIRM_DATA = "confirm_data"
    EDIT_AUDIO_NUMBER = "edit_audio_number"
    EDIT_DATE = "edit_date"
    EDIT_EMPLOYEE = "edit_employee"
    EDIT_CLIENT = "edit_client"
    EDIT_PLACE_NAME = "edit_place_name"
    EDIT_BUILDING_TYPE = "edit_building_type"
    EDIT_ZONE = "edit_zone"
    EDIT_CITY = "edit_city"
    REPORT_VIEW_ASK_NUMBER = "report_view_ask_number"
    REPORT_RENAME_ASK_NUMBER = "report_rename_ask_number"
    REPORT_RENAME_ASK_NEW_NAME = "report_rename_ask_new_name"
    REPORT_DELETE_ASK_NUMBER = "report_delete_ask_number"
    REPORT_FILTER_ASK_DATES = "report_filter_ask_dates"
    REPORT_FILTER_ASK_TITLE = "report_filter_ask_title"
    CHAT_RENAME_ASK_TITLE = "chat_rename_ask_title"
    RATING_ASK_COMMENT = "rating_ask_comment"
    EDITING_ASK_NAME = "editing_ask_name"
    EDITING_ASK_WORDS = "editing_ask_words"
    EDITING_ASK_TEXT = "editing_ask_text"
    EDITING_ASK_TURN = "editing_ask_turn"
    EDITING_ASK_TERM = "editing_ask_term"
    SETTINGS_ASK_ZONE = "settings_ask_zone"
    SETTINGS_ASK_PERSON = "settings_ask_person"
    AVATAR_ASK_NAME = "avatar_ask_name"
    AVATAR_ASK_PROMPT = "avatar_ask_prompt"


def _steps_of(*dialogs: str) -> frozenset[Step]:
    return frozenset(step for step in Step if step.partition("_")[0] in dialogs)


class OpenDialog(State):
    """A dialog that waits for a message. All kinds are stored under the same key: a person is in one at a time."""

    KEY = "dialog"
    STEPS: ClassVar[frozenset[Step]] = frozenset(Step)
    model_config = ConfigDict(extra="ignore")
    step: Step
    interrupted: bool = False
    """Whether it ended one about a recording when it began."""

    @classmethod
    def is_of_another_kind(cls, stored: object) -> bool:
        return isinstance(stored, dict) and stored.get("step") in frozenset(Step) - cls.STEPS


class Dialog(OpenDialog):
    """A dialog that waits for a message about a recording. The fields in ``skipped`` are not asked for again."""

    STEPS = frozenset(Step) - _steps_of("report", "chat", "rating", "editing", "settings", "avatar")
    model_config = ConfigDict(extra="forbid")
    recording_id: RecordingId
    skipped: tuple[str, ...] = ()
    tries: int = 0
    answered: int = 0
    """Id of the latest message that was taken as a reply, 0 without one.

    When that message is handled again after a crash, it is not taken a second time.
    """
    doubted: str = ""
    """The text of that message while the person is asked whether it is a reply or a question."""


def step_key(dialog: OpenDialog) -> str:
    """Return a text that tells the step of a dialog, and the recording that it is about, from others."""
    return f"{dialog.step}:{dialog.recording_id}" if isinstance(dialog, Dialog) else str(dialog.step)


class ReportDialog(OpenDialog):
    """A dialog that waits for a message about the person's reports.

    ``number`` is the report that the person is asked to view, rename or delete; ``title`` is its new title, if any.
    With ``by_button`` the number was on a button: it is permanent, and does not expire with the list.
    """

    STEPS = _steps_of("report")
    model_config = ConfigDict(extra="forbid")
    number: int | None = None
    by_button: bool = False
    title: str | None = None
    tries: int = 0
    answered: int = 0
    """As in ``Dialog``."""

    @property
    def awaits_confirmation(self) -> bool:
        """Whether the person is asked to confirm: another number or title may be typed then."""
        return self.number is not None and (self.step is not Step.REPORT_RENAME_ASK_NEW_NAME or self.title is not None)


class ChatDialog(OpenDialog):
    """A dialog that waits for a message about chat ``number``."""

    STEPS = _steps_of("chat")
    model_config = ConfigDict(extra="forbid")
    number: int


class RatingDialog(OpenDialog):
    """A dialog that waits for a comment on an answer, whose last message is ``message_id``."""

    STEPS = _steps_of("rating")
    model_config = ConfigDict(extra="forbid")
    answer_id: AnswerId
    message_id: MessageId | None = None


class EditingDialog(OpenDialog):
    """A dialog about a transcript or the glossary, of which each step uses some fields.

    ``recording`` is the recording's number, ``speaker`` who is named, ``first`` and ``last`` are the segments of the
    turn that is typed anew, ``wanted`` its mark, or with ``replacement`` words that were found at several places.
    """

    STEPS = _steps_of("editing")
    model_config = ConfigDict(extra="forbid")
    recording: int | None = None
    speaker: str = ""
    first: int = 0
    last: int = 0
    wanted: str = ""
    replacement: str = ""
    for_team: bool = False


class SettingsDialog(OpenDialog):
    """A dialog that waits for something that a person sets for themselves, or for whom they look."""

    STEPS = _steps_of("settings")
    model_config = ConfigDict(extra="forbid")


class AvatarDialog(OpenDialog):
    """A dialog that waits for the name of a new avatar, or for what to paint with avatar ``number``, in which shape."""

    STEPS = _steps_of("avatar")
    model_config = ConfigDict(extra="forbid")
    number: int = 0
    aspect: str = ""


def _kind(value: dict[str, object] | OpenDialog) -> str:
    step = value.get("step") if isinstance(value, dict) else value.step
    return str(step).partition("_")[0]


class _Replied(State):
    """The message that was last taken as a reply, and the dialog as it was then; a ``Dialog`` keeps its own."""

    KEY = "replied"
    message_id: int
    dialog: Annotated[
        Annotated[ReportDialog, Tag("report")]
        | Annotated[ChatDialog, Tag("chat")]
        | Annotated[RatingDialog, Tag("rating")]
        | Annotated[EditingDialog, Tag("editing")]
        | Annotated[SettingsDialog, Tag("settings")]
        | Annotated[AvatarDialog, Tag("avatar")],
        Discriminator(_kind),
    ]


_NOT_ABOUT_RECORDINGS = (ReportDialog, ChatDialog, RatingDialog, EditingDialog, SettingsDialog, AvatarDialog)


class TakenReply(StrEnum):
    """Stands for a dialog when the message was a reply to another, which has ended since."""

    TAKEN = "taken"


class QuestionsAside(State):
    """Notes that no questions about recordings begin for a while: the person has just turned to something else."""

    KEY = "questions_aside"


class _Tapped(State):
    """The button that a person pressed last; ``button`` is the text by which the caller identifies it."""

    KEY = "tapped"
    message_id: int | None
    button: str
    update: str = ""


D = TypeVar("D", bound=OpenDialog)

_LOCKS: WeakValueDictionary[UserId, asyncio.Lock] = WeakValueDictionary()


def get_user_lock(user_id: UserId) -> asyncio.Lock:
    """Return the lock under which a person's state is changed; unused locks are freed."""
    return _LOCKS.setdefault(user_id, asyncio.Lock())


class Dialogs:
    """The dialogs of every person, each change in a transaction of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, owner: UserId, kind: type[D]) -> D | None:
        """Load the person's dialog; None when no dialog of this kind is open."""
        async with self._database.transaction() as connection:
            return await user_states.get(connection, owner, kind)

    async def begin(self, owner: UserId, dialog: OpenDialog) -> bool:
        """Open a dialog and end the one that was open; return whether the ended one was about a recording.

        In that case the recording waits for its turn again. A press that is handled again begins the same dialog: the
        answer is the same, and so is the question, which Telegram then takes once.
        """
        after_form = dialog.model_copy(update={"interrupted": True})
        async with self._database.transaction() as connection:
            form = await user_states.get(connection, owner, Dialog)
            if form is not None:
                await wait_for_turn(connection, owner, form.recording_id)
            interrupted = form is not None or await user_states.get(connection, owner, type(dialog)) == after_form
            await user_states.put(connection, owner, after_form if interrupted else dialog, ttl=_LASTS)
        return interrupted

    async def go_on(self, owner: UserId, dialog: OpenDialog) -> None:
        """Store the open dialog as it is now; its time limit starts anew."""
        async with self._database.transaction() as connection:
            await user_states.put(connection, owner, dialog, ttl=_LASTS)

    async def end(self, owner: UserId, kind: type[OpenDialog]) -> None:
        """End the dialog of this kind; any other stays open."""
        async with self._database.transaction() as connection:
            if await user_states.get(connection, owner, kind) is not None:
                await user_states.drop(connection, owner, kind)

    async def note_reply(self, owner: UserId, message_id: int) -> None:
        """Note that a message is taken as the reply to the dialog that is open, unless that is about a recording."""
        async with self._database.transaction() as connection:
            for kind in _NOT_ABOUT_RECORDINGS:
                dialog = await user_states.get(connection, owner, kind)
                if dialog is not None:
                    replied = _Replied(message_id=message_id, dialog=dialog)
                    await user_states.put(connection, owner, replied, ttl=_LASTS)

    async def place(self, owner: UserId) -> str | None:
        """Call the function ``place`` in a transaction of its own."""
        async with self._database.transaction() as connection:
            return await place(connection, owner)

    async def replied_before(self, owner: UserId, message_id: int) -> OpenDialog | TakenReply | None:
        """Return the dialog to which a message is a reply that is handled again after a crash; None for any other.

        A dialog that its reply has ended is opened again, so that the reply does again what it did: else its text would
        be a question. When another dialog is open since, the reply has done all it had to do.
        """
        async with self._database.transaction() as connection:
            replied = await user_states.get(connection, owner, _Replied)
            if replied is None or replied.message_id != message_id:
                return None
            if await user_states.get(connection, owner, OpenDialog) is None:
                await user_states.put(connection, owner, replied.dialog, ttl=_LASTS)
                return replied.dialog
            now = await user_states.get(connection, owner, type(replied.dialog))
            goes_on = isinstance(now, ReportDialog) and now.answered == message_id
            return now if now is not None and (goes_on or now == replied.dialog) else TakenReply.TAKEN

    async def first_tap(self, owner: UserId, message_id: int | None, button: str, update: str = "") -> bool:
        """Call the function ``first_tap`` in a transaction of its own."""
        async with self._database.transaction() as connection:
            return await first_tap(connection, owner, message_id, button, update)


async def place(connection: Connection, owner: UserId) -> str | None:
    """Return what the person's dialog asks, and about what, as a text; None in none, or in one about a recording."""
    found = [await user_states.get(connection, owner, kind) for kind in _NOT_ABOUT_RECORDINGS]
    how_often = {"tries", "answered", "interrupted"}
    return next((each.model_dump_json(exclude=how_often) for each in found if each is not None), None)


async def first_tap(
    connection: Connection, owner: UserId, message_id: int | None, button: str, update: str = ""
) -> bool:
    """Note a press of a button that sends something; return False when the same button was pressed seconds before.

    A press with the same ``update``, if that is not empty, does not count as a second press: it is handled again after
    a crash.
    """
    tapped = _Tapped(message_id=message_id, button=button, update=update)
    before = await user_states.get(connection, owner, _Tapped)
    is_second = before is not None and (before.message_id, before.button) == (message_id, button)
    if before is not None and is_second:
        # When the second press is handled again, it must still count as the second.
        tapped = before
    await user_states.put(connection, owner, tapped, ttl=_DOUBLE_TAP)
    return not is_second or (update != "" and tapped.update == update)


async def find_wizard(connection: Connection, owner: UserId, recording_id: RecordingId) -> RecordingWizard | None:
    """Load the wizard of a recording; None for a recording that did not come through a messenger."""
    try:
        return await recording_wizard_store.get(connection, owner, recording_id)
    except NotFound:
        return None


async def leave_dialog(connection: Connection, owner: UserId, recording_id: RecordingId) -> None:
    """End the dialog about a recording, if the person is in one."""
    dialog = await user_states.get(connection, owner, Dialog)
    if dialog is not None and dialog.recording_id == recording_id:
        await user_states.drop(connection, owner, Dialog)


async def leave_in_peace(connection: Connection, owner: UserId, *, away: bool = False) -> None:
    """Begin no questions about recordings for some minutes, or until the person answers some; ``away``: or is back."""
    await user_states.put(connection, owner, QuestionsAside(), ttl=_AWAY if away else ASIDE)


async def may_ask_again(connection: Connection, owner: UserId) -> None:
    """Let questions about recordings begin: the person is at them."""
    await user_states.drop(connection, owner, QuestionsAside)


async def put_aside(
    connection: Connection, telegram_id: int, recordings: Collection[RecordingId], *, away: bool = False
) -> None:
    """End the dialog about one of these recordings, whose question is not in the chat any more.

    Values given so far stay. The form comes again as in ``wait_for_turn``, of one who is ``away`` when they are back,
    and is among what waits at any time.
    """
    person = await users_store.find_by_telegram_id(connection, telegram_id)
    dialog = None if person is None else await user_states.get(connection, person.id, Dialog)
    if person is None or dialog is None or dialog.recording_id not in recordings:
        return
    await user_states.drop(connection, person.id, Dialog)
    await leave_in_peace(connection, person.id, away=away)
    await recording_wizard_store.put_aside(connection, person.id, dialog.recording_id, counted=not away)


async def wait_for_turn(connection: Connection, owner: UserId, recording_id: RecordingId) -> None:
    """Have a recording whose form was left wait; the caller ends the dialog.

    The form comes back by itself once, when its person has done nothing else for some minutes.
    """
    await recording_wizard_store.put_aside(connection, owner, recording_id, counted=True)


async def go_on_to_reports(connection: Connection, owner: UserId, recording_id: RecordingId) -> None:
    """Move a recording's wizard on to the reports, also when its questions were put aside; the caller ends the dialog.

    Questions that were put aside would come again though their person has confirmed all.
    """
    wizard = await find_wizard(connection, owner, recording_id)
    if wizard is not None and wizard.step in {WizardStep.PROPOSAL, WizardStep.CONFIRMATION}:
        await recording_wizard_store.move(connection, wizard, WizardStep.REPORTS)
