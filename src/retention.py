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

    ``ended`` is the SQL condition for a row whose work ended before ``%(before)s``, a time that is ``age`` ago.
    """

    table: LiteralString
    ended: LiteralString
    age: timedelta | None
    """None stands for the setting ``RETENTION_DAYS``: these rows tell what people got, or what became of their work."""


RETENTIONS = (
    # A key tells that its occasion was dealt with; whatever could notice the occasion again does so within days.
    Retention("outbox", "coalesce(sent_at, given_up_at) < %(before)s", None),
    # Rows of refused and cancelled files, and of deleted recordings. A file's card goes with the row, so an open card
    # keeps the row.
    Retention(
        "incoming_files",
        """finished_at < %(before)s AND recording_id IS NULL
        AND NOT EXISTS (SELECT FROM progress_cards WHERE incoming_id = incoming_files.id AND NOT final)""",
        None,
    ),
    Retention("takeouts", "ended_at < %(before)s", None),
    Retention("progress_cards", "final AND NOT undelivered AND created_at < %(before)s", None),
    # Telegram delivers no update that is older than a few days.
    Retention(
        "seen_updates",
        """done_at < %(before)s AND NOT (kind = 'message' AND message_id >= (
            SELECT max(message_id) - %(looked_at_again)s FROM seen_updates WHERE kind = 'message'
        ))""",
        timedelta(days=30),
    ),
    Retention("erased_chats", "erased_at < %(before)s", timedelta(days=400)),
    # An expired state counts as none; the day is for clocks that differ.
    Retention("user_states", "expires_at < %(before)s", timedelta(days=1)),
    # Telegram deletes no older message for a bot. The newest of its kind in a chat can still be edited after a press.
    Retention(
        "sent_messages",
        """sent_at < %(before)s AND EXISTS (
            SELECT FROM sent_messages AS newer
            WHERE newer.chat_id = sent_messages.chat_id AND newer.kind = sent_messages.kind
                AND newer.message_id > sent_messages.message_id
        )""",
        timedelta(hours=48),
    ),
    # Jobs that succeed leave no row; the others are kept for whoever looks into a failure.
    Retention(
        "procrastinate_jobs",
        """status IN ('succeeded', 'failed', 'cancelled', 'aborted')
        AND NOT EXISTS (SELECT FROM procrastinate_events WHERE job_id = procrastinate_jobs.id AND at >= %(before)s)""",
        None,
    ),
    # A row counts successive failures of the same work. Without a job no failure follows, and work that is asked for
    # again is counted from zero.
    Retention(
        "job_failures",
        """NOT EXISTS (
            SELECT FROM procrastinate_jobs AS jobs WHERE jobs.lock = job_failures.lock AND status IN ('todo', 'doing')
        )""",
        timedelta(),
    ),
    # Every process that holds vectors looks for these every second.
    Retention("removed_chunks", "removed_at < %(before)s", timedelta(days=1)),
    Retention("web_links", "expires_at < %(before)s", timedelta()),
    Retention("web_sessions", "expires_at < %(before)s", timedelta()),
    # The record of changes tells of an invitation for ever.
    Retention("invitations", "expires_at < %(before)s", timedelta(days=30)),
    # What was said is heard again from here.
    Retention("speeches", "created_at < %(before)s AND ended_at IS NOT NULL", None),
    Retention("spoken_questions", "created_at < %(before)s", timedelta(days=1)),
    Retention("hourly_uses", "used_at < %(before)s", timedelta(days=1)),
    # This month's count; what was recognised in another language long ago is reserved anew.
    Retention("limit_uses", "at < %(before)s AND state <> 'reserved'", timedelta(days=400)),
    # Only this month's counts for who comes back; the day is for zones.
    Retention("erased_uses", "month + interval '1 month' < %(before)s", timedelta(days=1)),
    # A file that nobody goes on sending is given up; one that is whole is being worked on. Files go with their rows.
    Retention("web_uploads", "touched_at < %(before)s AND state <> 'whole'", timedelta(days=2)),
)

_DELETE: LiteralString = """
    DELETE FROM {table} WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM {table} WHERE {ended} LIMIT %(limit)s FOR UPDATE SKIP LOCKED
    ))
"""


async def delete_ended(connection: Connection, retention: Retention, before: datetime, limit: int) -> int:
    """Delete up to ``limit`` rows whose work ended before ``before``, except locked ones; return how many."""
    query = _DELETE.replace("{table}", retention.table).replace("{ended}", retention.ended)
    parameters = {"before": before, "limit": limit, "looked_at_again": MESSAGES_LOOKED_AT_AGAIN}
    return (await connection.execute(query, parameters)).rowcount
