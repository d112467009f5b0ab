"""Live cards: one message for each file, recording or order of reports, edited while the work goes on.

What a card shows is computed from the database at every look; so a card that is out of date, after a crash or because
the bot was down, is brought up to date by the first look after that.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import NamedTuple

import structlog

import cards_store
from datamodels_telegram import CardProgress, ChatId, ProgressCard, Screen
from db import Database
from followers import KeyedTasks, Loop
from markups.card_parts import CardView, Times
from markups.cards import Measured, card_view, measured, opening
from messenger import ChatClosed, MessengerError, MessengerRefusedSecrets, Sender
from prompt_pack.models import ReportPack
from system.local_time import ZoneOf, in_zone, zone_of_machine

log = structlog.get_logger(__name__)

_SHORTEST_INTERVAL_S = 3.0
_CHAT_SHARE_S = 1.5
"""Seconds between edits in one chat: Telegram takes about one a second, so many cards take turns."""
_BEFORE_THE_LAST_S = 1.0
"""The fewest seconds between the edit that shows the end of the work and the edit before it."""
_LONGEST_INTERVAL_S = 10.0
"""Seconds after which a card is edited when only time has passed; with Telegram's own delays, that is every 15 s."""
_FIRST_AT_ONCE = 2
"""How many cards of a chat are first sent at a time. Of edits there is one at a time, and one that is a card's last.

The others are drawn when their turn comes, by what the database says then. So however many files were sent, no result
waits behind more than these.
"""


class _Turn(NamedTuple):
    """What cards of one chat take turns with."""

    chat: ChatId
    is_first: bool
    is_last: bool


@dataclass
class _Shown:
    """What this process knows about a card: which content was last shown and when, and how fast the work goes.

    ``pace_from`` is when the stage ``pace_stage`` was first seen, and which fraction of it was done then.
    """

    content: dict[str, object] | None = None
    at: datetime | None = None
    pace_stage: str | None = None
    pace_from: tuple[datetime, float] | None = None

    def remaining_s(self, now: datetime, progress: Measured) -> float | None:
        """Estimate the seconds that the stage still takes, from its pace since it was first seen; None if too early."""
        if progress.fraction is None:
            self.pace_from = None
            return None
        if self.pace_stage != progress.stage or self.pace_from is None or progress.fraction < self.pace_from[1]:
            self.pace_stage, self.pace_from = progress.stage, (now, progress.fraction)
        since, first = self.pace_from
        gained, seconds = progress.fraction - first, (now - since).total_seconds()
        return (1.0 - progress.fraction) * seconds / gained if gained > 0.0 and seconds >= 1.0 else None


class ProgressCards:
    """Brings the cards up to date; ``now`` tells the time, ``zone_of`` a person's zone."""

    def __init__(
        self,
        database: Database,
        messenger: Sender,
        pack: ReportPack,
        *,
        zone_of: ZoneOf = zone_of_machine,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._messenger = messenger
        self._pack = pack
        self._zone_of = zone_of
        self._now = now
        self._loop = Loop("progress")
        self._shown: dict[int, _Shown] = {}
        self._turns: Counter[_Turn] = Counter()

    def wake(self) -> None:
        """Look at once: a card was added, or its work was stopped."""
        self._loop.wake()

    async def run(self) -> None:
        """Bring cards up to date until cancelled."""
        async with asyncio.TaskGroup() as group:
            tasks: KeyedTasks[int] = KeyedTasks("progress", group, lambda: None)
            await self._loop.run(lambda: self._look(tasks))

    async def _look(self, tasks: KeyedTasks[int]) -> None:
        busy = tasks.busy
        async with self._database.transaction() as connection:
            open_cards = await cards_store.open_cards(connection)
        self._shown = {each.card.id: self._shown.get(each.card.id) or _Shown() for each in open_cards}
        crowd = Counter(each.card.chat_id for each in open_cards)
        for progress in open_cards:
            shown = self._shown[progress.card.id]
            if progress.card.id in busy:
                continue
            tasks.start(progress.card.id, self._bring_up_to_date(progress, shown, crowd[progress.card.chat_id]))

    async def _bring_up_to_date(self, progress: CardProgress, shown: _Shown, crowd: int) -> None:
        """Show a card of which its chat has ``crowd`` if it is due and its turn has come; else a later look does."""
        card, now = progress.card, self._now()
        times = Times(
            elapsed_s=(now - card.created_at).total_seconds(),
            remaining_s=shown.remaining_s(now, measured(progress)),
        )
        with in_zone(await self._zone_of(card.owner_id)):
            view = card_view(progress, times, self._pack)
        content = progress.model_dump(exclude={"card"})
        interval_s = max(_SHORTEST_INTERVAL_S, _CHAT_SHARE_S * crowd)
        if not _is_due(card, view, changed=content != shown.content, since=_age(shown, now), interval_s=interval_s):
            return
        turn = _Turn(card.chat_id, is_first=card.message_id is None, is_last=view.final)
        if self._turns[turn] >= (_FIRST_AT_ONCE if turn.is_first else 1):
            return
        self._turns[turn] += 1
        try:
            await self._show(progress, view)
        except ChatClosed:
            log.info("card_given_up", card=card.id)
            async with self._database.transaction() as connection:
                await cards_store.note_closed(connection, card.id)
        except MessengerError as exc:
            if exc.retryable or isinstance(exc, MessengerRefusedSecrets):
                raise
            log.warning("card_refused", card=card.id, reason=str(exc))
            await self._replace(card, final=view.final and card.message_id is not None)
        finally:
            self._turns -= Counter([turn])
        # The first message says less than the card is to show, so it is edited as soon as possible.
        shown.content, shown.at = None if card.message_id is None else content, self._now()
        if crowd > 1:
            self._loop.wake()  # others may have waited for this turn

    async def _show(self, progress: CardProgress, view: CardView) -> None:
        card, shown_hash = progress.card, _hash(view.screen)
        if card.message_id is None:
            screen = opening(progress, self._pack)
            message_id = await self._messenger.send(card.chat_id, screen, random_id=card.random_id)
            async with self._database.transaction() as connection:
                await cards_store.note_sent(connection, card.id, message_id, _hash(screen))
            return
        if shown_hash != card.shown_hash:
            # The end of work is a result: a card that shows it minutes after its files says that the work goes on.
            if not await self._messenger.edit(card.chat_id, card.message_id, view.screen, may_wait=not view.final):
                await self._replace(card, final=view.final)
                return
        elif not view.final:
            return
        await self._note(card, shown_hash, final=view.final)

    async def _note(self, card: ProgressCard, shown_hash: str, *, final: bool) -> None:
        async with self._database.transaction() as connection:
            await cards_store.note_shown(connection, card.id, shown_hash, final=final)

    async def _replace(self, card: ProgressCard, *, final: bool) -> None:
        """Send the card anew, as its message is gone or cannot be edited; if ``final``, only note that it is finished.

        Whoever deletes a finished card has read it.
        """
        if final:
            await self._note(card, card.shown_hash, final=True)
            return
        async with self._database.transaction() as connection:
            await cards_store.send_anew(connection, card.id)


def _is_due(card: ProgressCard, view: CardView, *, changed: bool, since: float | None, interval_s: float) -> bool:
    if card.message_id is None or since is None:
        return True
    if view.final:
        return since >= _BEFORE_THE_LAST_S
    return since >= interval_s and (changed or (view.working and since >= _LONGEST_INTERVAL_S))


def _age(shown: _Shown, now: datetime) -> float | None:
    """Return the seconds since a card was last shown; None when it never was, or the clock has been set back since."""
    return None if shown.at is None or now < shown.at else (now - shown.at).total_seconds()


def _hash(screen: Screen) -> str:
    return sha256(screen.model_dump_json().encode()).hexdigest()
