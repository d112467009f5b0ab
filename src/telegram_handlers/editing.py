"""Corrections of a transcript: who speaks, whose a turn is, and which words were said."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import texts.editing
import texts.telegram_recordings
from access import Permission
from datamodels import Recording, UserId
from datamodels_telegram import (
    FileReference,
    FileSource,
    IncomingMessage,
    MessageKind,
    OutgoingMessage,
    Screen,
)
from dialogs import Dialogs, EditingDialog, Step, get_user_lock
from errors import BadText, NotFound, OutdatedButton
from markups.callback_data import Action, Press
from markups.editing import (
    SHOWN_TEXT,
    ask_name,
    ask_text,
    ask_turn,
    ask_words,
    corrected_screen,
    fragment_caption,
    label_of,
    merge_screen,
    places_screen,
    speaker_screen,
    speakers_screen,
    turn_screen,
)
from markups.text import escaped
from message_tracker import MessageTracker
from recordings.lookup import Recordings, is_ready
from telegram_handlers.beside import check_is_reply
from telegram_handlers.context import Context, Routes
from telegram_handlers.effects import SentOnce
from telegram_handlers.shared import show
from text_cleaning import one_line
from transcription.editing.changes import correction_in, found_turn, mark_of, speakers_of, voice_of
from transcription.editing.service import TranscriptEditing
from transcription.editing.values import NEW_SPEAKER, Edited, OpenTranscript, Search, Speaker, Turn
from transcription.glossary.service import worth_keeping
from utils import clock

_NOTHING = "-"


@dataclass(frozen=True)
class EditingWork:
    """The parts that the handlers use. ``wake`` makes the followers look at the database at once."""

    editing: TranscriptEditing
    recordings: Recordings
    dialogs: Dialogs
    wake: Callable[[], None]


class EditingHandlers:
    """Shows speakers, names, merges and moves them, and corrects words."""

    def __init__(self, messages: MessageTracker, work: EditingWork) -> None:
        self._messages = messages
        self._work = work
        self._editing = work.editing

    def routes(self) -> Routes:
        presses = {
            Action.SPEAKERS: self._speakers,
            Action.SPEAKER: self._speaker,
            Action.SPEAKER_VOICE: self._voice,
            Action.SPEAKER_NAME: self._ask_name,
            Action.SPEAKER_IS: self._name_known,
            Action.SPEAKER_ROLE: self._role,
            Action.SPEAKER_MERGE: self._merge,
            Action.TURN: self._ask_turn,
            Action.TURN_MOVE: self._move,
            Action.WORDS: self._ask_words,
            Action.WORDS_AT: self._words_at,
            Action.WORDS_UNDO: self._undo,
        }
        answers = {
            Step.EDITING_ASK_NAME: self._name_typed,
            Step.EDITING_ASK_TURN: self._turn_typed,
            Step.EDITING_ASK_WORDS: self._words_typed,
            Step.EDITING_ASK_TEXT: self._text_typed,
        }
        return Routes(
            presses={action: (Permission.RECORD, handler) for action, handler in presses.items()},
            answers={step: (Permission.RECORD, handler) for step, handler in answers.items()},
            again=dict.fromkeys(answers, self._again),
        )

    async def _again(self, context: Context) -> OutgoingMessage:
        dialog, number = await self._open_dialog(context.user.id)
        recording = (await self._editing.open(context.user.id, number)).recording
        if dialog.step is Step.EDITING_ASK_NAME:
            _, speaker, _ = await self._found(context.user.id, number, int(dialog.speaker.removeprefix("S")))
            screen = ask_name(recording, speaker)
        else:
            screen = ask_turn(recording) if dialog.step is Step.EDITING_ASK_TURN else ask_words(recording)
        return OutgoingMessage(kind=MessageKind.INPUT_REQUEST, screen=screen)

    async def _speakers(self, context: Context, press: Press) -> None:
        await self._show_speakers(context, press.number)

    async def _show_speakers(self, context: Context, number: int, note: str = "") -> None:
        opened = await self._editing.open(context.user.id, number)
        screen = speakers_screen(opened, speakers_of(opened.transcript), note)
        await show(self._messages, context, MessageKind.MENU, screen, opened.recording.id)

    async def _speaker(self, context: Context, press: Press) -> None:
        number, place = _two(press)
        opened, speaker, speakers = await self._found(context.user.id, number, place)
        metadata = (await self._work.recordings.card(context.user.id, number)).metadata
        known = {"employee": metadata.employee, "client": metadata.client}
        screen = speaker_screen(
            opened,
            speaker,
            self._editing.roles(opened.recording),
            {word: name for word, name in known.items() if name},
            others=len(speakers) > 1,
        )
        await show(self._messages, context, MessageKind.MENU, screen, opened.recording.id)

    async def _voice(self, context: Context, press: Press) -> None:
        """Send a piece of the recording in which the speaker is heard."""
        number, place = _two(press)
        opened, speaker, _ = await self._found(context.user.id, number, place)
        if is_ready(opened.recording):
            raise OutdatedButton(data=press.action)
        start, end = voice_of(opened.transcript, speaker)

        def fragment(recording: Recording) -> OutgoingMessage:
            file = FileReference(
                source=FileSource.FRAGMENT, subject=recording.id, extension="ogg", start_s=start, end_s=end
            )
            caption = fragment_caption(recording, speaker, start, end)
            return OutgoingMessage(kind=MessageKind.RESULT, screen=caption, file=file)

        sent = SentOnce(context, press, fragment, texts.telegram_recordings.SENDING)
        await self._work.recordings.find(context.user.id, number, sent)
        await context.answer(sent.told)
        self._work.wake()

    async def _ask_name(self, context: Context, press: Press) -> None:
        number, place = _two(press)
        opened, speaker, _ = await self._found(context.user.id, number, place)
        dialog = EditingDialog(step=Step.EDITING_ASK_NAME, recording=number, speaker=speaker.id)
        await self._ask(context, dialog, ask_name(opened.recording, speaker))

    async def _name_typed(self, context: Context, message: IncomingMessage) -> None:
        owner = context.user.id
        dialog, number = await self._open_dialog(owner)
        name = "" if message.text.strip() == _NOTHING else message.text
        try:
            await self._editing.name_speaker(owner, number, None, dialog.speaker, name, _typed(message))
        except BadText as exc:
            opened, speaker, _ = await self._found(owner, number, int(dialog.speaker.removeprefix("S")))
            screen = ask_name(opened.recording, speaker, exc.user_text)
            await show(self._messages, context, MessageKind.INPUT_REQUEST, screen)
            return
        await self._work.dialogs.end(owner, EditingDialog)
        await self._show_speakers(context, number)

    async def _name_known(self, context: Context, press: Press) -> None:
        """Name a speaker as the employee or client of the metadata."""
        number, place = _two(press)
        metadata = (await self._work.recordings.card(context.user.id, number)).metadata
        name = {"employee": metadata.employee, "client": metadata.client}.get(press.word)
        if not name:
            raise OutdatedButton(data=press.action)
        await self._editing.name_speaker(context.user.id, number, None, f"S{place}", name, context.update)
        await self._show_speakers(context, number)

    async def _role(self, context: Context, press: Press) -> None:
        number, place, role = _numbers(press, 3)
        opened = await self._editing.open(context.user.id, number)
        roles = self._editing.roles(opened.recording)
        if role > len(roles):
            raise OutdatedButton(data=press.action)
        await self._editing.choose_role(context.user.id, number, None, f"S{place}", roles[role - 1], context.update)
        await self._show_speakers(context, number)

    async def _merge(self, context: Context, press: Press) -> None:
        """Ask who a speaker really is, or merge the two."""
        if len(press.numbers) == 2:  # recording and speaker
            number, place = _two(press)
            opened, speaker, speakers = await self._found(context.user.id, number, place)
            others = [each for each in speakers if each.id != speaker.id]
            screen = merge_screen(opened.recording, speaker, others)
            await show(self._messages, context, MessageKind.MENU, screen, opened.recording.id)
            return
        number, place, into = _numbers(press, 3)
        await self._editing.merge(context.user.id, number, None, f"S{place}", f"S{into}", context.update)
        await self._show_speakers(context, number)

    async def _ask_turn(self, context: Context, press: Press) -> None:
        opened = await self._editing.open(context.user.id, press.number)
        dialog = EditingDialog(step=Step.EDITING_ASK_TURN, recording=press.number)
        await self._ask(context, dialog, ask_turn(opened.recording))

    async def _turn_typed(self, context: Context, message: IncomingMessage) -> None:
        _, number = await self._open_dialog(context.user.id)
        opened = await self._editing.open(context.user.id, number)
        turn = found_turn(opened.transcript, message.text)
        if turn is None:
            check_is_reply(Step.EDITING_ASK_TURN, message.text)
            screen = ask_turn(opened.recording, texts.editing.TURN_NOT_FOUND)
        else:
            screen = turn_screen(opened, turn, speakers_of(opened.transcript))
        # Still a question: another time or other words may follow.
        await show(self._messages, context, MessageKind.INPUT_REQUEST, screen)

    async def _move(self, context: Context, press: Press) -> None:
        number, version, first, last, *to = press.numbers if len(press.numbers) >= _OF_MOVE else _outdated(press)
        speaker = f"S{to[0]}" if to else NEW_SPEAKER
        positions = range(first - 1, last)
        await self._editing.move(context.user.id, number, version, positions, speaker, context.update)
        await self._work.dialogs.end(context.user.id, EditingDialog)
        await self._show_speakers(context, number)

    async def _ask_words(self, context: Context, press: Press) -> None:
        opened = await self._editing.open(context.user.id, press.number)
        dialog = EditingDialog(step=Step.EDITING_ASK_WORDS, recording=press.number)
        await self._ask(context, dialog, ask_words(opened.recording))

    async def _words_typed(self, context: Context, message: IncomingMessage) -> None:
        """Replace «было → стало» where it stands once, ask where it stands several times; else show a turn."""
        dialog, number = await self._open_dialog(context.user.id)
        opened = await self._editing.open(context.user.id, number)
        turn = found_turn(opened.transcript, message.text)
        correction = await asyncio.to_thread(correction_in, opened.transcript, message.text)
        if turn is not None or correction is None:
            await self._show_turn(context, opened, turn, one_line(message.text))
            return
        wanted, new = correction
        found = await self._editing.find(context.user.id, number, Search(wanted=wanted))
        if wanted == new or not found:
            note = texts.editing.SAME_WORDS if wanted == new else texts.editing.WORDS_NOT_FOUND.format(wanted=wanted)
            screen = ask_words(opened.recording, note)
            await show(self._messages, context, MessageKind.INPUT_REQUEST, screen)
        elif sum(len(each.places) for each in found) == 1:
            await self._replace(context, opened.recording, (wanted, new), None, None, _typed(message))
        else:
            await self._work.dialogs.go_on(
                context.user.id, dialog.model_copy(update={"wanted": wanted, "replacement": new})
            )
            screen = places_screen(opened, found, wanted, new)
            await show(self._messages, context, MessageKind.INPUT_REQUEST, screen)

    async def _show_turn(self, context: Context, opened: OpenTranscript, turn: Turn | None, typed: str) -> None:
        if turn is None:
            check_is_reply(Step.EDITING_ASK_WORDS, typed)
        if turn is None or len(turn.text) > SHOWN_TEXT:
            note = texts.editing.WORDS_NOT_FOUND.format(wanted=typed)
            screen = ask_words(opened.recording, note)
        else:
            speaker = next((each for each in speakers_of(opened.transcript) if each.id == turn.speaker), None)
            place = {"recording": opened.recording.number, "first": turn.first, "last": turn.last}
            dialog = EditingDialog(step=Step.EDITING_ASK_TEXT, wanted=mark_of(turn.text), **place)
            await self._work.dialogs.go_on(context.user.id, dialog)
            screen = ask_text(opened, turn, label_of(speaker) if speaker else "")
        await show(self._messages, context, MessageKind.INPUT_REQUEST, screen)

    async def _text_typed(self, context: Context, message: IncomingMessage) -> None:
        """Take the typed text as what was said in the turn that is shown."""
        owner = context.user.id
        dialog, number = await self._open_dialog(owner)
        opened = await self._editing.open(owner, number)
        text = "" if message.text.strip() == _NOTHING else message.text
        edited = await self._editing.replace_turn(
            owner, number, None, dialog.first, dialog.last, text, _typed(message), dialog.wanted
        )
        await self._work.dialogs.end(owner, EditingDialog)
        time = clock(opened.transcript.segments[dialog.first].start)
        told = texts.editing.TEXT_CORRECTED.format(time=time, number=number)
        await self._show_corrected(context, opened.recording, edited, told, None)

    async def _words_at(self, context: Context, press: Press) -> None:
        """Replace the words that were typed at one place, or everywhere."""
        number, version, *at = press.numbers if len(press.numbers) >= 2 else _outdated(press)
        dialog = await self._work.dialogs.find(context.user.id, EditingDialog)
        if dialog is None or dialog.recording != number or not dialog.wanted:
            raise OutdatedButton(data=press.action)
        opened = await self._editing.open(context.user.id, number)
        words = (dialog.wanted, dialog.replacement)
        positions = [at[0] - 1] if at else None
        await self._replace(context, opened.recording, words, version, positions, context.update)

    async def _replace(
        self,
        context: Context,
        recording: Recording,
        words: tuple[str, str],
        version: int | None,
        positions: list[int] | None,
        asked_by: str,
    ) -> None:
        owner, (wanted, new) = context.user.id, words
        edited = await self._editing.replace_all(
            owner, recording.number, version, Search(wanted=wanted), new, positions, asked_by
        )
        term = await asyncio.to_thread(worth_keeping, new)
        told = texts.editing.CORRECTED.format(
            number=recording.number,
            wanted=escaped(wanted),
            replacement=escaped(new),
            count=len(edited.segments or {}) or 1,
        )
        await self._show_corrected(context, recording, edited, told, term)

    async def _show_corrected(
        self, context: Context, recording: Recording, edited: Edited, told: str, term: str | None
    ) -> None:
        if edited.segments == {}:
            told = texts.editing.NOTHING_CHANGED.format(number=recording.number)
        if term:
            # The button has no room for the term.
            dialog = EditingDialog(step=Step.EDITING_ASK_WORDS, recording=recording.number, replacement=term)
            await self._work.dialogs.go_on(context.user.id, dialog)
        screen = corrected_screen(recording, edited, told, term)
        await show(self._messages, context, MessageKind.MENU, screen, recording.id)

    async def _undo(self, context: Context, press: Press) -> None:
        number, version = _two(press)
        try:
            await self._editing.undo(context.user.id, number, version, context.update)
        except BadText as exc:
            await context.answer(exc.user_text)
        else:
            await context.answer(texts.editing.UNDONE)
        await self._show_speakers(context, number)

    async def _ask(self, context: Context, dialog: EditingDialog, screen: Screen) -> None:
        async with get_user_lock(context.user.id):
            await self._work.dialogs.begin(context.user.id, dialog)
            await show(self._messages, context, MessageKind.INPUT_REQUEST, screen)

    async def _open_dialog(self, owner: UserId) -> tuple[EditingDialog, int]:
        dialog = await self._work.dialogs.find(owner, EditingDialog)
        if dialog is None or dialog.recording is None:
            raise OutdatedButton(data=EditingDialog.KEY)
        return dialog, dialog.recording

    async def _found(self, owner: UserId, number: int, place: int) -> tuple[OpenTranscript, Speaker, list[Speaker]]:
        opened = await self._editing.open(owner, number)
        speakers = speakers_of(opened.transcript)
        for speaker in speakers:
            if speaker.id == f"S{place}":
                return opened, speaker, speakers
        raise NotFound(what=f"speaker {place}")


_OF_MOVE = 4
"""Numbers of a press that moves a turn to somebody new."""


def _typed(message: IncomingMessage) -> str:
    return f"typed:{message.chat_id}:{message.message_id}"


def _two(press: Press) -> tuple[int, int]:
    first, second = _numbers(press, 2)
    return first, second


def _numbers(press: Press, count: int) -> tuple[int, ...]:
    if len(press.numbers) != count:
        raise OutdatedButton(data=press.action)
    return press.numbers


def _outdated(press: Press) -> tuple[int, ...]:
    raise OutdatedButton(data=press.action)
