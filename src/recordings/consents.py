"""What people are told about their data with their first recording, and when they said that they read it.

It is a notice: nothing waits for the button. Whoever records sees to it that guests know and agree.
"""

import hashlib

import structlog

from datamodels import UserId
from db import Connection, Database
from errors import NotFound

log = structlog.get_logger(__name__)

_INSERT = """
    INSERT INTO consents (user_id, version, text) VALUES (%(user)s, %(version)s, %(text)s) ON CONFLICT DO NOTHING
"""
# The column keeps its name for the former version, which works on this schema: it tells when the notice was read.
_NOTE_READ = """
    UPDATE consents SET accepted_at = coalesce(accepted_at, now()) WHERE user_id = %(user)s AND version = %(version)s
"""


class Consents:
    """Records who was shown ``notice``, HTML, and who has read it; another text is another version."""

    def __init__(self, database: Database, notice: str) -> None:
        self._database = database
        self.notice = notice
        self.version = f"v{hashlib.sha256(notice.encode()).hexdigest()[:12]}"

    async def note_shown(self, connection: Connection, user: UserId) -> bool:
        """Note that a person is shown the notice; False when this was noted before."""
        parameters = {"user": user, "version": self.version, "text": self.notice}
        return (await connection.execute(_INSERT, parameters)).rowcount == 1

    async def note_read(self, user: UserId, version: str) -> None:
        """Note that a person has read the version that they were shown; the first time counts.

        Raises:
            NotFound: the person was shown no such version.
        """
        async with self._database.transaction() as connection:
            if (await connection.execute(_NOTE_READ, {"user": user, "version": version})).rowcount == 0:
                raise NotFound(what=f"notice {version} of {user}")
        log.info("notice_read", person=str(user), version=version)
