"""Updates on their way to their person's queue, and their order at a start, when they come from three sides at once."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import structlog

from datamodels_telegram import ButtonPress, IncomingMessage, MessageId, SeenUpdate, UpdateKind
from errors import OutOfResources
from inbox import Inbox
from messenger import Messenger, MessengerError, MessengerUnavailable
from system.shortages import shortages_mapped
from telegram_handlers.acceptance import done_at_last
from telegram_handlers.presses import PressAnswer

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Arrival:
    """An update for its person's queue. ``update`` is None for a message that has to be fetched after a restart.

    One that is ``stored`` was left over by an earlier process.
    """

    seen: SeenUpdate
    update: IncomingMessage | ButtonPress | None
    answer: PressAnswer | None = None
    stored: bool = False


async def missed_after(after: MessageId | None, telegram: Messenger, inbox: Inbox, pause_s: float) -> list[Arrival]:
    """Return the messages after the message ``after`` that were never stored; none when ``after`` is None.

    While messenger or database do not answer they are asked again after ``pause_s`` seconds.
    """
    if after is None:
        return []
    missed = {SeenUpdate.of(message): message for message in await _told(after, telegram, pause_s)}
    unknown = await done_at_last(lambda: inbox.unknown(list(missed)), pause_s)
    return [Arrival(seen, message) for seen, message in missed.items() if seen in unknown]


async def _told(after: MessageId, telegram: Messenger, pause_s: float) -> list[IncomingMessage]:
    while True:
        try:
            return await telegram.missed(after)
        except MessengerUnavailable as exc:
            log.warning("recovery_waits", reason=str(exc))
            await asyncio.sleep(pause_s)
        except MessengerError as exc:
            log.warning("missed_messages_unknown", error=exc.code, reason=str(exc))
            return []


async def keep(arrivals: Iterable[Arrival], inbox: Inbox) -> None:
    """Write arrivals that are not ``stored`` into the journal, all at once; one without space for them is no error."""
    updates = [arrival.seen for arrival in arrivals if not arrival.stored]
    if not updates:
        return
    try:
        with shortages_mapped():
            await inbox.keep(updates)
    except OutOfResources as exc:
        # They are handled all the same. Of those that a crash prevents, the next start finds the messages.
        log.warning("updates_not_kept", updates=len(updates), reason=str(exc))


def in_order(left: Iterable[Arrival], missed: Iterable[Arrival], early: Iterable[Arrival]) -> list[Arrival]:
    """Return all arrivals, each person's in the order in which the person made them.

    ``left`` are those that the last process stored and did not finish, ``early`` those that have come since this one
    started; both are in order. ``missed`` are messages of all that time, of which those among the others are left out.
    """
    merged: dict[int, list[Arrival]] = defaultdict(list)
    begins: dict[int, int] = defaultdict(int)
    """Where what is early begins in a person's list."""
    for arrival in left:
        merged[arrival.seen.person.id].append(arrival)
        begins[arrival.seen.person.id] += 1
    for arrival in early:
        merged[arrival.seen.person.id].append(arrival)
    known = {arrival.seen.key for arrivals in merged.values() for arrival in arrivals}
    for arrival in sorted(missed, key=lambda each: each.seen.message_id):
        if arrival.seen.key in known:
            continue
        person = arrival.seen.person.id
        place = _place_of(arrival.seen, merged[person], begins[person])
        merged[person].insert(place, arrival)
        begins[person] += place <= begins[person]
    return [arrival for arrivals in merged.values() for arrival in arrivals]


def _place_of(missed: SeenUpdate, others: list[Arrival], begins: int) -> int:
    """Return where a missed message belongs: behind what was left over and before what is early, as its id allows.

    Message ids grow, over people's messages and those of the bot whose buttons are pressed.
    """
    after = before = 0
    for place, other in enumerate(others, 1):
        if other.seen.message_id > missed.message_id:
            break
        before = place
        if other.seen.kind is UpdateKind.MESSAGE:
            after = place
    return min(max(begins, after), before)
