"""What is said beside the step that waits for a person's text: a question to the archive, thanks, a nod.

It is answered as if nothing had been asked, and the step is asked again. What is a reply to which step is told here
alone, for typed text and for what was said in a voice note.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from access import Permission, may
from chats.questions import reads_like_question, said_to_courtesy
from datamodels_telegram import IncomingMessage, OutgoingMessage, Screen
from dialogs import Dialog, Step
from errors import AccessDenied, NotFound, OutdatedButton
from message_tracker import MessageTracker
from metadata.form import Reading
from telegram_handlers.context import AgainHandler, Context, MessageHandler

ANY_TEXT = frozenset([Step.CHAT_RENAME_ASK_TITLE, Step.REPORT_RENAME_ASK_NEW_NAME, Step.EDITING_ASK_TEXT])
"""Steps at which a question is a reply as well: chats and researches are called by questions, and people ask them."""
_LOOKED_UP = frozenset([Step.EDITING_ASK_TURN, Step.EDITING_ASK_WORDS, Step.REPORT_FILTER_ASK_TITLE])
"""Steps whose reply is looked for in a transcript, or in titles; only what is not found there can be a question."""
_WITH_COURTESIES = ANY_TEXT | {Step.RATING_ASK_COMMENT, Step.CONFIRM_DATA}
"""Steps at which thanks are a reply: a comment on an answer; a card that takes buttons says so."""
_MARKED_ALONE = frozenset([Step.RATING_ASK_COMMENT, Step.EDITING_ASK_TERM, Step.AVATAR_ASK_PROMPT])
"""Steps at which only a question mark tells: «Как дома» is a term of the glossary, «где ужин» a comment, «Как в кино»
a picture."""
_DOUBTFUL = frozenset(Dialog.STEPS) - {Step.CONFIRM_DATA}
"""Steps that ask which it is when only the first word tells: a place may be called «Как дома»."""
_CALLED_ANYTHING = frozenset([Step.ASK_PLACE_NAME, Step.EDIT_PLACE_NAME])
"""Steps that ask which it is for a courtesy, too: a café may be called «Привет»."""


def reading(step: Step, text: str) -> Reading:
    """Tell what text is that comes at a step."""
    if step in ANY_TEXT:
        return Reading.VALUE
    if step not in _WITH_COURTESIES and said_to_courtesy(text) is not None:
        return Reading.DOUBTFUL if step in _CALLED_ANYTHING else Reading.COURTESY
    if reads_like_question(text, marked=True):
        return Reading.QUESTION
    if step in _MARKED_ALONE or not reads_like_question(text):
        return Reading.VALUE
    return Reading.DOUBTFUL if step in _DOUBTFUL else Reading.QUESTION


class _NoReply(Exception):
    """Tells this module that typed text is no reply to its step; the step's handler has changed nothing."""


def check_is_reply(step: Step, text: str) -> None:
    """Have text that was not found where it was looked for taken for what it is, if it is said beside the step."""
    if reading(step, text) is not Reading.VALUE:
        raise _NoReply


def with_courtesy(screen: Screen, said: str) -> Screen:
    """Put what is said to a courtesy before the question that waits."""
    return screen.model_copy(update={"text": f"{said}\n\n{screen.text}"})


@dataclass(frozen=True)
class Steps:
    """Gives text to the step that waits for it; ``ask`` takes a message as a question to the archive."""

    answers: Mapping[Step, tuple[Permission, MessageHandler]]
    again: Mapping[Step, AgainHandler]
    messages: MessageTracker
    ask: Callable[[Context, IncomingMessage], Awaitable[None]]

    def at(self, step: Step) -> tuple[Permission, MessageHandler]:
        """Return what handles text at a step; forms tell themselves what is said beside them."""
        permission, handler = self.answers[step]
        if step not in self.again:
            return permission, handler

        async def handle(context: Context, message: IncomingMessage) -> None:
            if step in _LOOKED_UP or reading(step, message.text) is Reading.VALUE:
                try:
                    await handler(context, message)
                except _NoReply:
                    pass
                else:
                    return
            try:
                again = await self.again[step](context)
            except (NotFound, OutdatedButton):
                again = None  # what the step is about is gone
            await self._answer(context, message, again)

        return permission, handle

    async def _answer(self, context: Context, message: IncomingMessage, again: OutgoingMessage | None) -> None:
        said = said_to_courtesy(message.text)
        if said is not None and again is not None:
            screen = with_courtesy(again.screen, said)
            await self.messages.send(context.chat, again.kind, screen, subject=again.subject)
            return
        if not may(context.user.role, Permission.ASK):
            raise AccessDenied(person=context.user.id, permission=Permission.ASK)
        await self.ask(replace(context, again=again), message)
