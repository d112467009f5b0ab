"""Sessions of people in browsers. A person comes in by a link that works once, or at this machine by the local key.

Which role a person has is asked at each request, as for every message in a chat: who is blocked is out at once.
"""

import hashlib
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from access import Team, role_of
from datamodels import Role, User, UserId
from db import Database
from errors_of_operation import SignInRefused
from random_ids import new_secret
from sign_in import sessions_store
from users_store import LOCAL_USER

LINK_LASTS = timedelta(minutes=10)
SESSION_LASTS = timedelta(days=30)


class Sessions:
    """The sessions of every person.

    ``local_key`` lets the command line's user in, as often as it is given; None where people have a messenger: then
    that user's sessions do not count either. ``now`` returns the time.
    """

    def __init__(
        self,
        database: Database,
        team: Team,
        local_key: str | None = None,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._team = team
        self._local_key = local_key
        self._now = now

    async def new_link(self, user: UserId) -> str:
        """Return a code by which the person can come in once, within ``LINK_LASTS``."""
        code = new_secret()
        async with self._database.transaction() as connection:
            await sessions_store.add_link(connection, _hash(code), user, self._now() + LINK_LASTS)
        return code

    async def begin(self, code: str) -> str:
        """Begin a session by the code of a link, which is used up, or by the local key; return the session's token.

        Raises:
            SignInRefused: no such code, or it was used or has expired.
        """
        token, now = new_secret(), self._now()
        async with self._database.transaction() as connection:
            is_local = self._local_key is not None and secrets.compare_digest(code.encode(), self._local_key.encode())
            user = LOCAL_USER if is_local else await sessions_store.take_link(connection, _hash(code), now)
            if user is not None:
                await sessions_store.add_session(connection, _hash(token), user, now + SESSION_LASTS)
        # Raised here: within the transaction, a link that has expired would stay.
        if user is None:
            raise SignInRefused
        return token

    async def find(self, token: str) -> User | None:
        """Return whose session this is, with today's role; None when nobody's, or its person is no member any more."""
        async with self._database.transaction() as connection:
            user = await sessions_store.find_user(connection, _hash(token), self._now())
        role = None if user is None else self._role(user)
        return None if user is None or role is None else user.model_copy(update={"role": role})

    async def end(self, token: str) -> None:
        """End a session."""
        async with self._database.transaction() as connection:
            await sessions_store.delete_session(connection, _hash(token))

    async def end_all(self, user: UserId) -> int:
        """End all sessions of a person, and take back the links that were not used; return how many sessions ended."""
        async with self._database.transaction() as connection:
            return await sessions_store.delete_all(connection, user, self._now())

    def _role(self, user: User) -> Role | None:
        if user.telegram_id is not None:
            return role_of(self._team, user.telegram_id, user)
        return Role.SUPER_ADMIN if self._local_key is not None and user.id == LOCAL_USER else None


def form_token(token: str) -> str:
    """Return what a form or script of a session's pages sends along: another site cannot know it."""
    return hashlib.sha256(f"form:{token}".encode()).hexdigest()


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
