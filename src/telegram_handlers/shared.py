"""Functions that several modules of handlers need."""

import asyncio
from time import monotonic

import texts.voice_notes
from chats.questions import reads_like_question
from datamodels import RecordingId, ReportId, UserId
from datamodels_telegram import ChatId, IncomingMessage, MessageId, MessageKind, Screen
from dialogs import Dialog, Dialogs, OpenDialog, ReportDialog, Step, TakenReply, step_key
from errors import BadText
from message_tracker import MessageTracker
from messenger import AlreadySent
from random_ids import random_id_of
from reports.costs_in_words import expected_text
from reports.estimate import Estimates
from telegram_handlers.context import Context

_ON_ITS_WAY_S = 5.0
"""Seconds for which a typed message waits for the question of a dialog that is open and not asked yet."""
_LOOK_S = 0.2


async def show(
    messages: MessageTracker,
    context: Context,
    kind: MessageKind,
    screen: Screen,
    subject: RecordingId | None = None,
) -> None:
    """Replace the pressed message with a screen, or send the screen when the update is a message.

    A screen about the recording ``subject`` leaves questions about other recordings where they are.
    """
    if context.pressed is None:
        await messages.send(context.chat, kind, screen, subject=subject)
    else:
        await messages.replace(context.chat, context.pressed, kind, screen, subject)


async def expected_reports(estimates: Estimates, owner: UserId, number: int, wanted: ReportId | None = None) -> str:
    """Return in words what the report ``wanted``, or all of a recording, will take; empty when nobody can tell."""
    takes = await estimates.of(owner, number, None if wanted is None else [wanted])
    return expected_text(takes) if takes else ""


async def _is_reply(messages: MessageTracker, message: IncomingMessage, form: Dialog, asked: MessageId) -> bool:
    """Tell whether text that came while a form was in the chat, as the message ``asked``, is for the form."""
    if asked > message.message_id:
        return False
    # The card with all fields takes no text; below a menu, it is not what the person looks at.
    return form.step is not Step.CONFIRM_DATA or not await messages.has_menu_below(message.chat_id, asked)


async def say_once(messages: MessageTracker, chat: ChatId, screen: Screen, key: str) -> MessageId:
    """Send a sign of what goes on, once for all that ``key`` is handled again; return its message."""
    try:
        return await messages.send(chat, MessageKind.STATUS_MESSAGE, screen, random_id=random_id_of(key))
    except AlreadySent:
        # A notice took its place in the chat, such as that the question is saved.
        return await messages.send(chat, MessageKind.STATUS_MESSAGE, screen)


async def awaited(
    dialogs: Dialogs, messages: MessageTracker, owner: UserId, message: IncomingMessage
) -> OpenDialog | TakenReply | None:
    """Return the dialog that a message replies to: its question was in the chat when the message was written.

    A dialog whose question is gone ends. One about a recording does not: its question may be on its way. Text that
    comes before the question is no reply. What was said replies only to the step at which it was said; a question is
    answered at any step, as if it had been typed.

    Raises:
        BadText: what was said is no question and too late: that step is over.
    """
    if not message.spoken:
        return await _awaited(dialogs, messages, owner, message)
    if message.answers is None:
        return None
    dialog = await _awaited(dialogs, messages, owner, message)
    if dialog is None or (isinstance(dialog, OpenDialog) and step_key(dialog) != message.answers):
        if not reads_like_question(message.text):
            raise BadText(reason=texts.voice_notes.TOO_LATE)
        # A form tells a question from a value; any other dialog would take it as its reply.
        return dialog if isinstance(dialog, Dialog) else None
    return dialog


async def _awaited(
    dialogs: Dialogs, messages: MessageTracker, owner: UserId, message: IncomingMessage
) -> OpenDialog | TakenReply | None:
    before = await dialogs.replied_before(owner, message.message_id)
    if before is not None:
        return before
    dialog, about = await dialogs.find(owner, OpenDialog), await dialogs.find(owner, Dialog)
    ends = monotonic() + _ON_ITS_WAY_S
    while about is not None:
        # A message that is handled again after a crash is older than the question that followed it.
        if message.message_id <= about.answered:
            return about
        asked = await messages.question(message.chat_id, about.recording_id)
        if asked is not None or monotonic() > ends:
            return about if asked is not None and await _is_reply(messages, message, about, asked) else None
        # The question may be in the chat, but not noted as the process was killed: it is noted when it is asked again.
        await asyncio.sleep(_LOOK_S)
        dialog, about = await dialogs.find(owner, OpenDialog), await dialogs.find(owner, Dialog)
    if dialog is None:
        return None
    report = await dialogs.find(owner, ReportDialog)
    # Any other confirmation, or better questions, may stand where the dialog's own question has gone.
    may_confirm = [MessageKind.CONFIRMATION] if report is not None and report.awaits_confirmation else []
    asked = await messages.question(message.chat_id, kinds=[MessageKind.INPUT_REQUEST, *may_confirm])
    if asked is None:
        await dialogs.end(owner, OpenDialog)
    if asked is None or asked > message.message_id:
        return None
    if message.file is None:
        # A voice note is the reply when it comes again, as what was said.
        await dialogs.note_reply(owner, message.message_id)
    return dialog
