"""What people are told about their data before their first recording, and when they said that they know it."""

import hashlib

import structlog

from datamodels import UserId
from db import Connection, Database

log = structlog.get_logger(__name__)

_INSERT = """
    INSERT INTO consents (user_id, version, text) VALUES (%(user)s, %(version)s, %(text)s) ON CONFLICT DO NOTHING
"""
_ACCEPT = """
    UPDATE consents SET accepted_at = now()
    WHERE user_id = %(user)s AND version = %(version)s AND accepted_at IS NULL
"""


class Consents:
    """Records who was shown ``notice``, HTML, and who accepted it; another text is another version."""

    def __init__(self, database: Database, notice: str) -> None:
        self._database = database
        self.notice = notice
        self.version = f"v{hashlib.sha256(notice.encode()).hexdigest()[:12]}"

    async def note_shown(self, connection: Connection, user: UserId) -> bool:
        """Note that a person is shown the notice; False when this was noted before."""
        parameters = {"user": user, "version": self.version, "text": self.notice}
        return (await connection.execute(_INSERT, parameters)).rowcount == 1

    async def accept(self, user: UserId, version: str) -> bool:
        """Note that a person accepts the version that they were shown; False when nothing changes."""
        async with self._database.transaction() as connection:
            done = (await connection.execute(_ACCEPT, {"user": user, "version": version})).rowcount == 1
        if done:
            log.info("consent_given", person=str(user), version=version)
        return done
