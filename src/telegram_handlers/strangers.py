"""The updates of people who are not of the team: an invitation lets them in, all else is seldom answered.

A link that is forged, used, taken back, too old or somebody else's gets the same answer as any other that is no good.
"""

import re
from collections import deque
from collections.abc import Callable
from math import inf
from time import monotonic

import structlog

import texts.access
import texts.telegram
from datamodels import User
from datamodels_telegram import ButtonPress, ChatId, IncomingMessage, MessageKind, Screen, TelegramPerson
from errors_of_operation import TooManyTries
from message_tracker import MessageTracker
from sign_in.invitations import Invitations
from sign_in.tries import Tries

log = structlog.get_logger(__name__)

_INVITED = re.compile(r"/start(?:@\w+)?\s+([\w-]{1,64})\s*", re.ASCII | re.IGNORECASE)
_PAUSE_S = 3600.0
"""A stranger who only writes is answered once in this time."""
_MOST_A_MINUTE = 600
"""How many answers strangers get in a minute: so few that people of the team wait for none, so many that a flood of
hundreds leaves nobody unanswered."""
_MOST_REMEMBERED = 1000
"""Of how many strangers it is known that they were answered; the one of longest ago is forgotten first."""


class Strangers:
    """Lets invited people in and answers the others; ``clock`` counts seconds."""

    def __init__(
        self,
        messages: MessageTracker,
        invitations: Invitations,
        *,
        has_owner: bool,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._messages = messages
        self._invitations = invitations
        self._text = texts.telegram.BY_INVITATION if has_owner else texts.telegram.NO_OWNER
        self._clock = clock
        self._tries = Tries(clock)
        self._answered: dict[int, float] = {}
        """When each stranger was last answered, the one of longest ago first."""
        self._lately: deque[float] = deque(maxlen=_MOST_A_MINUTE)
        """When the latest answers were given."""

    async def admitted(
        self, user: User | None, chat: ChatId, person: TelegramPerson, update: IncomingMessage | ButtonPress | None
    ) -> User | None:
        """Return the ``user`` that the person is, or becomes by an invitation; answer all others, seldom.

        Who is known reads that a link changes no role.
        """
        code = _INVITED.fullmatch(update.text) if isinstance(update, IncomingMessage) else None
        if user is not None:
            if code is not None:
                await self._tell(chat, texts.access.KNOWN, user)
            return user
        if code is None:
            await self._answer(chat, person.id, self._text)
            return None
        try:
            self._tries.check(str(person.id))
        except TooManyTries:
            return None
        user = await self._invitations.accept(person, code[1])
        if user is None:
            self._tries.note_failure(str(person.id))
            log.warning("invitation_refused", telegram_id=person.id)
            await self._answer(chat, person.id, texts.access.REFUSED, again=True)
            return None
        await self._tell(chat, texts.access.CAME_IN, user)
        return user

    async def _tell(self, chat: ChatId, template: str, user: User) -> None:
        text = template.format(role=texts.telegram.ROLES[user.role])
        await self._messages.send(chat, MessageKind.INFO_MESSAGE, Screen(text=text))

    async def _answer(self, chat: ChatId, person: int, text: str, *, again: bool = False) -> None:
        """Say something to a stranger who was not answered lately; ``again`` says it whether or not."""
        now = self._clock()
        if self._answered.get(person, -inf) > now - _PAUSE_S and not again:
            return
        if len(self._lately) == _MOST_A_MINUTE and self._lately[0] > now - 60:
            return
        self._lately.append(now)
        self._answered.pop(person, None)
        self._answered[person] = now
        if len(self._answered) > _MOST_REMEMBERED:
            del self._answered[next(iter(self._answered))]
        await self._messages.send(chat, MessageKind.STATUS_MESSAGE, Screen(text=text.format(id=person)))
