"""The erasure of people: ordered by an administrator above them or by themselves, and told when it has ended."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

import structlog

from access import Permission
from datamodels import UserId
from datamodels_telegram import MessageId, MessageKind, OutgoingMessage, Screen
from errors import OutdatedButton
from followers import Loop
from markups.callback_data import Action, Press, id_of
from markups.erasures import (
    HEIRS_ON_PAGE,
    erase_question,
    erasure_ended,
    erasure_ordered,
    erasure_stands,
    heirs_screen,
    last_question,
    what_was_inherited,
)
from message_tracker import MessageTracker
from messenger import MessengerError, MessengerRefusedSecrets, MessengerUnavailable, Sender
from sign_in.erasures import AskedErasure, Doomed, EndedErasures, Erasures
from telegram_handlers.context import Context, Routes
from telegram_handlers.shared import show

log = structlog.get_logger(__name__)

_TOLD_EVERY_S = 5.0
_OWN = frozenset([Action.MY_ERASE, Action.MY_HEIRS, Action.MY_ERASE_ASK, Action.MY_ERASE_YES])


@dataclass(frozen=True)
class ErasureHandlers:
    """Asks what becomes of what a person has, and orders the erasure; ``wake`` makes whoever erases look at once."""

    messages: MessageTracker
    erasures: Erasures
    wake: Callable[[], None]

    def routes(self) -> Routes:
        others = {
            Action.PERSON_ERASE: self._question,
            Action.ERASE_HEIRS: self._heirs,
            Action.ERASE_ASK: self._ask,
            Action.ERASE_YES: self._erase,
        }
        own = {
            Action.MY_ERASE: self._question,
            Action.MY_HEIRS: self._heirs,
            Action.MY_ERASE_ASK: self._ask,
            Action.MY_ERASE_YES: self._erase,
        }
        return Routes(
            presses={
                **{action: (Permission.INVITE, handler) for action, handler in others.items()},
                **{action: (Permission.LOOK, handler) for action, handler in own.items()},
            }
        )

    async def _question(self, context: Context, press: Press) -> None:
        if (doomed := await self._doomed(context, press)) is not None:
            await self._show(context, erase_question(doomed, own=press.action in _OWN))

    async def _heirs(self, context: Context, press: Press) -> None:
        if (doomed := await self._doomed(context, press)) is not None:
            page = await self.erasures.heirs(doomed.user.id, press.number, HEIRS_ON_PAGE)
            await self._show(context, heirs_screen(doomed.user, page, own=press.action in _OWN))

    async def _ask(self, context: Context, press: Press) -> None:
        if (doomed := await self._doomed(context, press)) is not None:
            number = _heir_of(press)
            heir = None if number is None else await self.erasures.heir(doomed.user.id, number)
            shown = await self._show(context, last_question(doomed, heir, own=press.action in _OWN))
            await self.erasures.note_asked(context.user.id, _question_of(press, doomed, shown))

    async def _erase(self, context: Context, press: Press) -> None:
        # Only the question that stands on the pressed message can be answered: nothing else of this kind undoes itself.
        stands = await self.messages.question(context.chat, kinds=[MessageKind.CONFIRMATION])
        if context.pressed != stands:
            raise OutdatedButton(data=press.action)
        doomed = await self.erasures.look_at(context.user.id, _person_of(context, press))
        question, heir = _question_of(press, doomed, stands), _heir_of(press)
        if not await self.erasures.is_asked(context.user.id, question):
            raise OutdatedButton(data=press.action)
        told = question.inherited
        before = await self.erasures.order(context.user.id, doomed.user.id, heir, context.chat, inherited=told)
        screen = erasure_ordered() if before is None else erasure_stands(before)
        await show(self.messages, context, MessageKind.STATUS_MESSAGE, screen)
        self.wake()

    async def _doomed(self, context: Context, press: Press) -> Doomed | None:
        """Load the person; None, which is said, when the erasure goes on already."""
        doomed = await self.erasures.look_at(context.user.id, _person_of(context, press))
        if doomed.stands is not None:
            await self._show(context, erasure_stands(doomed.stands, None if press.action in _OWN else doomed.user))
            return None
        return doomed

    async def _show(self, context: Context, screen: Screen) -> MessageId:
        if context.pressed is None:
            return await self.messages.send(context.chat, MessageKind.CONFIRMATION, screen)
        return await self.messages.replace(context.chat, context.pressed, MessageKind.CONFIRMATION, screen)


class ErasureNotices:
    """Tells once of each erasure that has ended, and heirs of what they got.

    Nothing is noted about the message of the end: its chat may be who was erased.
    """

    def __init__(self, ended: EndedErasures, telegram: Sender) -> None:
        self._ended = ended
        self._telegram = telegram
        self._loop = Loop("erasure_notices", _TOLD_EVERY_S)

    async def run(self) -> NoReturn:
        """Tell until cancelled."""
        await self._loop.run(self.look)

    async def look(self) -> None:
        """Tell of what has ended.

        Raises:
            MessengerUnavailable, MessengerRefusedSecrets, DatabaseUnavailable: the rest is told the next time.
        """
        for each in await self._ended.untold():
            if each.gives is not None and each.gives.can_be_given:
                inherited = OutgoingMessage(kind=MessageKind.RESULT, screen=what_was_inherited(each.gives))
                await self._ended.tell_heir(each, inherited)
            screen = erasure_ended(given=each.heir_id is not None)
            try:
                await self._telegram.send(each.chat_id, screen, random_id=each.random_id)
            except (MessengerUnavailable, MessengerRefusedSecrets):
                raise
            except MessengerError as exc:
                log.info("erasure_not_told", reason=type(exc).__name__)
            await self._ended.note_told(each.person_id)


def _person_of(context: Context, press: Press) -> UserId:
    if press.action not in _OWN:
        return UserId(id_of(press))
    if press.words:
        raise OutdatedButton(data=press.action)
    return context.user.id


def _question_of(press: Press, doomed: Doomed, message: MessageId | None) -> AskedErasure:
    heir = _heir_of(press)
    # Nobody erases what has come since without having been told.
    inherited = doomed.inherited if heir is None else None
    return AskedErasure(person=doomed.user.id, heir=heir, message=message, inherited=inherited)


def _heir_of(press: Press) -> int | None:
    return press.number if press.numbers else None
