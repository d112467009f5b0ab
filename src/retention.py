"""How long rows are kept after their work has ended: one table for everything that would grow for ever.

Rows of other tables are deleted with their recording, chat or person. A closed wizard stays as long as its recording:
it tells that the transcript was delivered, should the same file be sent again. The row of a file that became a
recording stays, too: it names the message from which a lost original is fetched again.
"""

from datetime import datetime, timedelta
from typing import LiteralString, NamedTuple

from constants import MESSAGES_LOOKED_AT_AGAIN
from db import Connection


class Retention(NamedTuple):
    """Which rows of a table are deleted, and when.

    ``ended`` is the SQL condition for a row whose work ended before ``%(before)s``; ``age`` is how long it stays then.
    """

    table: LiteralString
    ended: LiteralString
    age: timedelta | None
    """None stands for the setting ``RETENTION_DAYS``: these rows tell what people got, or what became of their work."""


RETENTIONS = (
    # A key tells that its occasion was dealt with; whatever could notice the occasion again does so within days.
    Retention("outbox", "coalesce(sent_at, given_up_at) < %(before)s", None),
    # Of refused and cancelled files, and of deleted recordings. The card of a file would go with it.
    Retention(
        "incoming_files",
        """finished_at < %(before)s AND recording_id IS NULL
        AND NOT EXISTS (SELECT FROM progress_cards WHERE incoming_id = incoming_files.id AND NOT final)""",
        None,
    ),
    Retention("progress_cards", "final AND NOT undelivered AND created_at < %(before)s", None),
    # Telegram delivers no update that is older than a few days.
    Retention(
        "seen_updates",
        """done_at < %(before)s AND NOT (kind = 'message' AND message_id >= (
            SELECT max(message_id) - %(looked_at_again)s FROM seen_updates WHERE kind = 'message'
        ))""",
        timedelta(days=30),
    ),
    # Whoever reads it then takes it for none; the day is for clocks that differ.
    Retention("user_states", "expires_at < %(before)s", timedelta(days=1)),
    # Telegram deletes no older message for a bot. The newest of its kind can still be edited, as a press on it asks.
    Retention(
        "sent_messages",
        """sent_at < %(before)s AND EXISTS (
            SELECT FROM sent_messages AS newer
            WHERE newer.chat_id = sent_messages.chat_id AND newer.kind = sent_messages.kind
                AND newer.message_id > sent_messages.message_id
        )""",
        timedelta(hours=48),
    ),
    # Those that succeed leave no row; the others are for whoever looks into a failure.
    Retention(
        "procrastinate_jobs",
        """status IN ('succeeded', 'failed', 'cancelled', 'aborted')
        AND NOT EXISTS (SELECT FROM procrastinate_events WHERE job_id = procrastinate_jobs.id AND at >= %(before)s)""",
        None,
    ),
    # They count failures in a row; without a job there is no next one, and whoever asks for the work begins at none.
    Retention(
        "job_failures",
        """NOT EXISTS (
            SELECT FROM procrastinate_jobs AS jobs WHERE jobs.lock = job_failures.lock AND status IN ('todo', 'doing')
        )""",
        timedelta(),
    ),
)

_DELETE: LiteralString = """
    DELETE FROM {table} WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM {table} WHERE {ended} LIMIT %(limit)s FOR UPDATE SKIP LOCKED
    ))
"""


async def delete_ended(connection: Connection, retention: Retention, before: datetime, limit: int) -> int:
    """Delete up to ``limit`` rows that ended before a time; return how many. Rows that others lock are passed over."""
    query = _DELETE.replace("{table}", retention.table).replace("{ended}", retention.ended)
    parameters = {"before": before, "limit": limit, "looked_at_again": MESSAGES_LOOKED_AT_AGAIN}
    return (await connection.execute(query, parameters)).rowcount
