"""The router: the one place that decides who may do what and which handler runs, for messages and buttons alike.

An update is stored, waits for the earlier ones of its person, is handled, and its end is noted. An update whose end
is not noted is handled again after a restart, so handlers make sure that what must happen once does not happen twice.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import tzinfo
from functools import partial
from time import perf_counter
from weakref import WeakValueDictionary

import structlog
from structlog.contextvars import bound_contextvars

import texts.telegram
from access import Permission, may
from datamodels import User, UserId
from datamodels_telegram import (
    ButtonPress,
    ChatId,
    IncomingMessage,
    MessageId,
    MessageKind,
    Screen,
    SeenUpdate,
    TelegramPerson,
    UpdateKind,
)
from dialogs import Dialogs, TakenReply
from errors import (
    AccessDenied,
    BadInput,
    DatabaseFull,
    DatabaseMisconfigured,
    DatabaseUnavailable,
    NotFound,
    OutdatedButton,
    OutOfResources,
    UnexpectedFailure,
    VoxPersonaError,
)
from inbox import Inbox
from markups.callback_data import unpack
from message_tracker import MessageTracker, sent_once
from messenger import ChatClosed, Messenger, MessengerError, MessengerUnavailable
from metrics import UPDATE_SECONDS, UPDATES
from random_ids import new_code
from system.local_time import in_zone
from system.shortages import shortages_mapped
from telegram_handlers.acceptance import done_at_last, refusal, stored
from telegram_handlers.arrivals import Arrival, in_order, keep, missed_after
from telegram_handlers.beside import Steps
from telegram_handlers.context import Answer, Context, MessageHandler, Routes, failure_text, joined, nobody_waits
from telegram_handlers.endings import Endings
from telegram_handlers.presses import PressAnswer, Taps
from telegram_handlers.shared import awaited
from telegram_handlers.strangers import Strangers
from telegram_handlers.timing import USUAL_TIMING, Timing
from telegram_handlers.without_database import WithoutDatabase
from telegram_handlers.workers import PersonWorkers, queue_of
from texts.telegram import OUTDATED

log = structlog.get_logger(__name__)

MOST_TRIES = 7
"""How many times work on an update begins: one that ends with the process counts, one that an outage ends does not."""
MOST_WAITS = 10
"""How many times an update waits for the database or the machine. If it fails even then, the cause is another one."""
_COMMAND = re.compile(r"/([^\W\d_]\w*)(?:@\w+)?(?:\s.*)?", re.DOTALL)
_HANDLED, _OUTDATED, _KNOWN = "handled", "outdated", "known"
_DATABASE_AWAY, _OVERLOADED = "database_away", "overloaded"
_UNTIL_MENDED = {
    DatabaseMisconfigured.code: texts.telegram.SAVED_UNTIL_MENDED,
    DatabaseFull.code: texts.telegram.SAVED_UNTIL_SPACE,
}
"""What people read, by the outcome, while the database answers but does not store what they sent."""
_SAID = {**_UNTIL_MENDED, _OVERLOADED: texts.telegram.SAVED_UNTIL_CALM}
"""What people read, by the outcome, when no event tells that the cause is gone; else, that the database is away."""
_WAITED_FOR = frozenset([MessengerUnavailable.code, _DATABASE_AWAY, *_SAID])
"""Outcomes whose cause passes by itself or once the operator has mended it; the update is then handled again."""


class Router:
    """Takes updates from the messenger and gives each to its handler. No handler runs before ``recover``."""

    def __init__(  # noqa: PLR0913  # these are its parts
        self,
        inbox: Inbox,
        dialogs: Dialogs,
        telegram: Messenger,
        messages: MessageTracker,
        routes: Sequence[Routes],
        *,
        menu: Callable[[User], Awaitable[Screen]],
        other: MessageHandler,
        strangers: Strangers,
        without_database: WithoutDatabase,
        timing: Timing = USUAL_TIMING,
        words: Callable[[ChatId, MessageId], Awaitable[IncomingMessage | None]],
        zone_of: Callable[[UserId], Awaitable[tzinfo | None]],
    ) -> None:
        """Join the routes. ``menu`` makes a person's main menu, ``other`` handles text that no dialog waits for,
        ``words`` loads what was recognised in a voice note.

        Raises:
            ValueError: a button, a command, a step or files have two handlers, or a button, a step or files have none.
        """
        self._inbox = inbox
        self._dialogs = dialogs
        self._telegram = telegram
        self._messages = messages
        self.routes = joined(routes)
        self._menu = menu
        self._strangers = strangers
        self._other = other
        self._steps = Steps(self.routes.answers, self.routes.again, messages, other)
        self._words = words
        self._zone_of = zone_of
        self._timing = timing
        self._workers = PersonWorkers(self._handle)
        self._taps = Taps(timing.clock)
        self._order: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._ready = asyncio.Event()
        self._early: list[Arrival] = []
        """What has come since the start, while earlier updates are being looked for."""
        self._begun: set[SeenUpdate] = set()
        """Updates in work whose try is counted."""
        self._endings = Endings(inbox, timing.retry_after_s)
        self._without_database = without_database

    async def on_message(self, message: IncomingMessage) -> None:
        """Store a private message and put it in its person's queue; tell a group once that it gets no answers."""
        if not message.private:
            await self._tell_group(message.chat_id)
            return
        if await self._without_database.answers(message):
            return
        arrival, until = Arrival(SeenUpdate.of(message), message), self._timing.clock() + self._timing.unstored_s
        if self._waits_for_earlier(arrival):
            return
        async with self._in_order(message.person):
            new = await stored(lambda: self._inbox.put(arrival.seen), until, self._timing.clock)
            if new:
                self._workers.put(queue_of(arrival.seen), arrival)
        if new is None:
            await self._refuse(arrival)

    async def on_press(self, press: ButtonPress) -> None:
        """Store a pressed button and put it in its person's queue; a double tap or one too many is only answered."""
        answer = self._answer_to(press)
        if refusal := self._taps.refusal(press):
            await answer(refusal)
            return
        arrival, until = Arrival(SeenUpdate.of(press), press, answer), self._timing.clock() + self._timing.unstored_s
        if self._waits_for_earlier(arrival):
            return
        async with self._in_order(press.person):
            first = self._taps.begin(press)
            try:
                new = await stored(lambda: self._inbox.put(arrival.seen, done=not first), until, self._timing.clock)
            except BaseException:
                self._taps.give_up(press, begun=first)
                raise
            if new and first:
                self._workers.put(queue_of(arrival.seen), arrival)
                return
            self._taps.give_up(press, begun=first)
        if new is None:
            await answer("")
            await self._refuse(arrival)
        elif new:
            UPDATES.labels(UpdateKind.BUTTON, "repeated").inc()
            await answer("")
        else:
            answer.cancel()

    async def on_words(self, message: IncomingMessage) -> None:
        """Store what was recognised in a voice note, and put it in its person's queue as typed text."""
        await self._ready.wait()
        arrival = Arrival(SeenUpdate.of(message), message)
        async with self._in_order(message.person):
            if await done_at_last(lambda: self._inbox.put(arrival.seen), self._timing.retry_after_s):
                self._workers.put(queue_of(arrival.seen), arrival)

    async def recover(self) -> None:
        """Take up interrupted updates and messages that were missed, then what has come since the start.

        From then on new ones are handled as they come. Nobody waits for another person's updates to be stored: all of
        them are in the journal first, and each is in the database before it is handled.
        """
        after, left = await done_at_last(self._inbox.left_over, self._timing.retry_after_s)
        log.info("recovering", interrupted=len(left))
        await self._without_database.take_back_old()
        missed = await missed_after(after, self._telegram, self._inbox, self._timing.retry_after_s)
        early, self._early = self._early, []
        arrivals = in_order([self._again(seen) for seen in left], missed, early)
        while arrivals:
            await keep(arrivals, self._inbox)
            for arrival in arrivals:
                self._workers.put(queue_of(arrival.seen), arrival)
            arrivals, self._early = self._early, []
        self._ready.set()

    async def stop(self) -> None:
        """Give updates in progress a few seconds to finish; all others are left for the next start, as if not tried."""
        self._endings.stop()
        await self._workers.stop(self._timing.stop_grace_s)
        await self._inbox.forget_tries(self._begun)

    def _waits_for_earlier(self, arrival: Arrival) -> bool:
        """Have an update wait until ``recover`` has taken up the earlier ones; False once it has."""
        if self._ready.is_set():
            return False
        if isinstance(arrival.update, ButtonPress) and not self._taps.begin(arrival.update):
            self._taps.give_up(arrival.update, begun=False)  # the second of a double tap; it is answered without a text
            UPDATES.labels(UpdateKind.BUTTON, "repeated").inc()
        else:
            self._early.append(arrival)
        return True

    def _in_order(self, person: TelegramPerson) -> asyncio.Lock:
        """Return the person's lock, under which updates are stored and queued in the order in which they came."""
        return self._order.setdefault(person.id, asyncio.Lock())

    async def _refuse(self, arrival: Arrival) -> None:
        """Tell a person that an update was not accepted, and make sure that a later start does not take it up."""
        self._endings.note_later(arrival.seen)
        UPDATES.labels(arrival.seen.kind, "no_space").inc()
        await self._tell(arrival.seen.chat_id, refusal(arrival.update), MessageKind.INFO_MESSAGE)

    def _answer_to(self, press: ButtonPress) -> PressAnswer:
        late = partial(self._tell, press.chat_id, is_note=True)
        return PressAnswer(self._telegram, press.query_id, self._timing.answer_after_s, late)

    def _again(self, seen: SeenUpdate) -> Arrival:
        if seen.data is None:
            return Arrival(seen, None, stored=True)
        press = ButtonPress(
            query_id=seen.update_id,
            chat_id=seen.chat_id,
            message_id=seen.message_id,
            person=seen.person,
            data=seen.data,
        )
        return Arrival(seen, press, self._answer_to(press), stored=True)

    async def _handle(self, arrival: Arrival) -> None:
        """Handle an update. Whatever fails, the person is told if possible, and the next update is handled."""
        code = new_code()
        kind, began = arrival.seen.kind, perf_counter()
        with bound_contextvars(update=code):
            absences, waits, waited = self._inbox.absences, 0, False
            outcome = await self._outcome(arrival, code)
            while outcome in _WAITED_FOR:
                if outcome == MessengerUnavailable.code:  # until the tries are used up
                    await asyncio.sleep(self._timing.retry_after_s)
                else:
                    waited = True
                    await self._wait(arrival.seen.chat_id, outcome, waits + 1)
                    # A database that a full disk ends again and again is away each time.
                    waits, absences = waits + (absences == self._inbox.absences), self._inbox.absences
                outcome = await self._outcome(arrival, code, waits, counted=not waited)
            if waited:
                await self._without_database.take_back(arrival.seen.chat_id)
            if arrival.answer is not None:
                await arrival.answer("")
            if isinstance(arrival.update, ButtonPress):
                self._taps.end(arrival.update, handled=outcome in {_HANDLED, _OUTDATED, _KNOWN})
            await self._endings.note(arrival.seen)
            self._begun.discard(arrival.seen)
            seconds = perf_counter() - began
            log.info("update_handled", kind=kind, outcome=outcome, seconds=round(seconds, 3))
        UPDATES.labels(kind, outcome).inc()
        UPDATE_SECONDS.labels(kind).observe(seconds)

    async def _wait(self, chat: ChatId, outcome: str, waits: int) -> None:
        """Tell the person once that the update is saved and its answer will come; wait for database and machine.

        ``waits`` is how many times the update has waited, this time included.
        """
        await self._without_database.tell(chat, _SAID.get(outcome, texts.telegram.SAVED))
        if outcome in _SAID:
            # The database answers, so that no event tells when the cause is gone.
            await asyncio.sleep(self._timing.retry_after_s * (waits if outcome == _OVERLOADED else 1))
        await self._inbox.there()

    async def _outcome(self, arrival: Arrival, code: str, waits: int = 0, *, counted: bool = True) -> str:
        seen, chat = arrival.seen, arrival.seen.chat_id
        try:
            with sent_once(seen.key), shortages_mapped():
                return await self._dispatch(arrival, counted=counted)
        except VoxPersonaError as exc:
            # The reason of bad input may quote what a person typed.
            reason = "" if isinstance(exc, BadInput) else str(exc)
            log.warning("update_failed", error=exc.code, reason=reason)
            if exc.code in _UNTIL_MENDED:
                return exc.code
            if isinstance(exc, DatabaseUnavailable) and waits < MOST_WAITS:
                return _DATABASE_AWAY
            if type(exc) is OutOfResources and waits < MOST_WAITS:
                return _OVERLOADED
            if not isinstance(exc, MessengerUnavailable | ChatClosed):
                await self._tell(chat, failure_text(exc, code))
            return exc.code
        except Exception as exc:
            log.exception("update_crashed")
            unexpected = UnexpectedFailure(reason=type(exc).__name__)
            await self._tell(chat, failure_text(unexpected, code))
            return unexpected.code

    async def _dispatch(self, arrival: Arrival, *, counted: bool) -> str:
        seen = arrival.seen
        known = seen in self._endings
        tries, user = (None, None) if known else await self._inbox.begin(seen, counted=counted)
        if tries is None:
            return _KNOWN
        if counted:
            self._begun.add(seen)
        if tries > MOST_TRIES:
            await self._tell(seen.chat_id, texts.telegram.GIVEN_UP)
            return "given_up"
        update = arrival.update or await self._found(seen)
        user = await self._strangers.admitted(user, seen.chat_id, seen.person, update)
        if user is None:
            return "stranger"
        if update is None:
            return "gone"
        with in_zone(await self._zone_of(user.id)):
            if isinstance(update, ButtonPress):
                return await self._press(user, update, arrival.answer or nobody_waits, seen.key)
            return await self._message(user, update)

    async def _press(self, user: User, pressed: ButtonPress, answer: Answer, key: str) -> str:
        try:
            press = unpack(pressed.data)
            permission, handler = self.routes.presses[press.action]
            _check(user, permission)
            await handler(Context(user, pressed.chat_id, answer, pressed.message_id, key), press)
        except (OutdatedButton, NotFound) as exc:
            log.info("button_outdated", error=exc.code)
            await answer(OUTDATED)
            await self._messages.send(pressed.chat_id, MessageKind.MENU, await self._menu(user))
            return _OUTDATED
        return _HANDLED

    async def _message(self, user: User, message: IncomingMessage) -> str:
        pictures = self.routes.pictures if may(user.role, Permission.RECORD) else None
        if pictures is not None and await pictures(Context(user, message.chat_id, nobody_waits), message):
            return _HANDLED
        typed = message.file is None and not message.spoken
        file, command = message.file, _COMMAND.fullmatch(message.text) if typed else None
        may_reply = command is None and message.may_reply
        dialog = await awaited(self._dialogs, self._messages, user.id, message) if may_reply else None
        if dialog is TakenReply.TAKEN:
            return _KNOWN
        if file is not None:
            permission, handler, message = self.routes.of_file(message, dialog, user.role)
        elif command is not None:
            name = command[1].lower()
            if name not in self.routes.commands:
                await self._tell(message.chat_id, texts.telegram.UNKNOWN_COMMAND)
                return "unknown_command"
            permission, handler = self.routes.commands[name]
        else:
            permission, handler = (Permission.ASK, self._other) if dialog is None else self._steps.at(dialog.step)
        _check(user, permission)
        await handler(Context(user, message.chat_id, nobody_waits), message)
        return _HANDLED

    async def _tell(
        self, chat: ChatId, text: str, kind: MessageKind = MessageKind.STATUS_MESSAGE, *, is_note: bool = False
    ) -> None:
        try:
            if is_note:
                await self._messages.note(chat, Screen(text=text))
            else:
                await self._messages.send(chat, kind, Screen(text=text))
        except VoxPersonaError as exc:
            log.warning("person_not_told", error=exc.code, reason=str(exc))

    async def _tell_group(self, chat: ChatId) -> None:
        try:
            if await self._inbox.is_new_group(chat):
                await self._telegram.send(chat, Screen(text=texts.telegram.GROUP))
        except (DatabaseUnavailable, MessengerError) as exc:
            log.info("group_not_told", error=exc.code, reason=str(exc))

    async def _found(self, seen: SeenUpdate) -> IncomingMessage | None:
        """Return a message that is handled again after a restart."""
        if seen.kind is UpdateKind.WORDS:
            return await self._words(seen.chat_id, seen.message_id)
        return await self._telegram.fetch(seen.chat_id, seen.message_id)


def _check(user: User, permission: Permission) -> None:
    if not may(user.role, permission):
        raise AccessDenied(person=user.id, permission=permission)
