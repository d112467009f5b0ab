"""Orders of erasures: who may have whom erased, and who takes over what was recorded.

An order closes the person's access in its own transaction, which holds the record of changes as every change of people
does: of two last owners who erase themselves at once, one stays. The work is done by ``jobs.erasing``.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

import structlog

import outbox_store
import texts.erasures
import user_states
import users_store
from access import Permission, Team, below, may, role_of
from datamodels import Role, User, UserId
from datamodels_telegram import ChatId, MessageId, OutgoingMessage
from db import Connection, Database
from errors_of_operation import ErasureRefused
from random_ids import new_random_id
from sign_in import audit, erasures_store, people_store
from sign_in.audit import AuditAction
from sign_in.departures import end_all
from sign_in.erasures_store import OrderedErasure, Possessions, UntoldErasure

log = structlog.get_logger(__name__)

_ASKED = timedelta(minutes=15)
"""For how long the last question can be answered."""


class AskedErasure(user_states.State):
    """The last question of whoever erases: whom, who takes over by Telegram id, and the message it stands on.

    ``inherited`` is what it said that goes as well.
    """

    KEY = "erasure_asked"
    person: UserId
    heir: int | None
    message: MessageId | None
    inherited: Possessions | None = None


class Standing(NamedTuple):
    """An order that stands already; ``heir`` takes over what was recorded, None when that is erased as well."""

    heir: User | None


class Doomed(NamedTuple):
    """A person before they are erased, with what they have; what ``stands`` once it was ordered.

    ``inherited`` came, or is about to come, from people who were erased: others were promised that it stays.
    """

    user: User
    has: Possessions
    inherited: Possessions
    stands: Standing | None


class HeirsPage(NamedTuple):
    """A page of those who could take over; ``page`` counts from 1."""

    heirs: Sequence[User]
    page: int
    pages: int


class Erasures:
    """The erasures of people of ``team``."""

    def __init__(self, database: Database, team: Team) -> None:
        self._database = database
        self._team = team

    async def look_at(self, actor: UserId, person: UserId) -> Doomed:
        """Load what would go with a person.

        Raises:
            NotFound: there is no such person.
            ErasureRefused: the actor may not have this person erased.
        """
        async with self._database.transaction() as connection:
            user = await people_store.get(connection, person)
            order = await erasures_store.ordered(connection, person)
            if order is None:
                await self._check(connection, actor, user)
            stands = None if order is None else await self._standing(connection, actor, user, order)
            has = await erasures_store.count(connection, person)
            return Doomed(user, has, await erasures_store.count_inherited(connection, person), stands)

    async def heirs(self, person: UserId, page: int, size: int) -> HeirsPage:
        """Load a page of those who could take over from a person; the last page when there are fewer."""
        async with self._database.transaction() as connection:
            others = await people_store.others(connection, person)
        heirs = [user for user in others if self._may_inherit(user)]
        pages = max(1, -(-len(heirs) // size))
        page = max(1, min(page, pages))
        return HeirsPage(heirs[(page - 1) * size : page * size], page, pages)

    async def heir(self, person: UserId, telegram_id: int) -> User:
        """Load who is to take over from a person.

        Raises:
            ErasureRefused: nobody with this number can.
        """
        async with self._database.transaction() as connection:
            return await self._heir(connection, person, telegram_id)

    async def note_asked(self, actor: UserId, question: AskedErasure) -> None:
        """Note the last question that was put to somebody; an earlier one is over."""
        async with self._database.transaction() as connection:
            await user_states.put(connection, actor, question, ttl=_ASKED)

    async def is_asked(self, actor: UserId, question: AskedErasure) -> bool:
        """Tell whether this is the last question that was put to somebody, not long ago."""
        async with self._database.transaction() as connection:
            return await user_states.get(connection, actor, AskedErasure) == question

    async def order(
        self, actor: UserId, person: UserId, heir: int | None, chat: ChatId, *, inherited: Possessions | None = None
    ) -> Standing | None:
        """Close a person's access and have them erased.

        ``heir`` is the Telegram id of who takes over recordings, reports and documents; None erases these, too. The
        first order stands: what another one asks for changes nothing of it, and what stands is returned. The same
        order from the same chat again is the first one. ``inherited`` is what the question said that the person has, or
        is about to get, from people who were erased.

        Raises:
            NotFound: there is no such person.
            ErasureRefused: the actor may not have this person erased, the heir cannot take over, or it is not what was
                told any more.
        """
        async with self._database.transaction() as connection:
            await audit.begin(connection)
            user = await people_store.get(connection, person)
            if (before := await erasures_store.ordered(connection, person)) is not None:
                stands = await self._standing(connection, actor, user, before)
                is_same = before.chat_id == chat and heir == (stands.heir.telegram_id if stands.heir else None)
                return None if is_same else stands
            await self._check(connection, actor, user)
            takes = None if heir is None else (await self._heir(connection, person, heir)).id
            # Counted here, where no other erasure can be ordered: it was promised that what is inherited stays.
            if inherited is not None and await erasures_store.count_inherited(connection, person) != inherited:
                raise ErasureRefused(reason=texts.erasures.MORE_HAS_COME)
            role_stays = user.granted if await self._was_lowered(connection, user) else None
            await people_store.block(connection, person)
            await end_all(connection, person)
            await erasures_store.add(connection, person, takes, chat, new_random_id())
            is_blocked = user.blocked_at is not None
            gives = await erasures_store.count(connection, person)
            await erasures_store.note_decided(connection, person, role_stays, gives, is_blocked=is_blocked)
            told = {} if takes is None else {"heir": str(takes)}
            await audit.note(connection, AuditAction.ERASURE_ORDERED, actor, person, **told)
        log.info("erasure_ordered", person=str(person), by=str(actor), heir=takes and str(takes))
        return None

    async def _standing(self, connection: Connection, actor: UserId, user: User, order: OrderedErasure) -> Standing:
        if actor != user.id and not await self._is_above(connection, actor, user):
            raise ErasureRefused(reason=texts.erasures.NOT_ABOVE)
        return Standing(None if order.heir_id is None else await users_store.find(connection, order.heir_id))

    async def _check(self, connection: Connection, actor: UserId, user: User) -> None:
        if user.telegram_id == self._team.owner:
            raise ErasureRefused(reason=texts.erasures.OWNER_STAYS)
        if actor != user.id and not await self._is_above(connection, actor, user):
            raise ErasureRefused(reason=texts.erasures.NOT_ABOVE)
        if self._role(user) is Role.SUPER_ADMIN:
            others = await people_store.others(connection, user.id)
            if not any(self._role(other) is Role.SUPER_ADMIN for other in others):
                raise ErasureRefused(reason=texts.erasures.LAST_STAYS)

    async def _was_lowered(self, connection: Connection, user: User) -> bool:
        """Tell whether somebody has given a person a lower role than the one before, or than the settings give."""
        if user.granted is None or user.telegram_id is None:
            return False
        by_settings, change = (
            role_of(self._team, user.telegram_id, None),
            await erasures_store.last_change_of_role(connection, user.id),
        )
        before = [by_settings, change.before if change is not None and change.after is user.granted else None]
        return any(role is not None and user.granted in below(role) for role in before)

    async def _is_above(self, connection: Connection, actor: UserId, user: User) -> bool:
        known = await users_store.find(connection, actor)
        own = None if known is None else self._role(known)
        if own is None or not may(own, Permission.INVITE):
            return False
        return may(own, Permission.GOVERN) or user.role in below(own)

    async def _heir(self, connection: Connection, person: UserId, telegram_id: int) -> User:
        user = await users_store.find_by_telegram_id(connection, telegram_id)
        if user is None or user.id == person or not self._may_inherit(user):
            raise ErasureRefused(reason=texts.erasures.NO_SUCH_HEIR)
        return user

    def _may_inherit(self, user: User) -> bool:
        role = self._role(user)
        return user.blocked_at is None and role is not None and may(role, Permission.RECORD)

    def _role(self, user: User) -> Role | None:
        return None if user.telegram_id is None else role_of(self._team, user.telegram_id, user)


class EndedErasures:
    """The erasures that have ended, until somebody was told of each."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def untold(self) -> Sequence[UntoldErasure]:
        """Load those of which nobody was told yet."""
        async with self._database.transaction() as connection:
            return await erasures_store.list_untold(connection)

    async def tell_heir(self, erasure: UntoldErasure, message: OutgoingMessage) -> None:
        """Put a message for the heir into the outbox, once; do nothing without one.

        An heir who was blocked meanwhile reads it once they are back.
        """
        if erasure.heir_id is None or erasure.heir_chat is None:
            return
        async with self._database.transaction() as connection:
            key = f"inherited:{erasure.person_id}"
            for put in (outbox_store.put, outbox_store.hold):
                await put(connection, key, erasure.heir_id, erasure.heir_chat, message)

    async def note_told(self, person: UserId) -> None:
        """Forget an erasure: its end was told."""
        async with self._database.transaction() as connection:
            await erasures_store.delete(connection, person)
