"""What ends with a person's place in the team: sessions, links, dialogs, questions, messages on their way.

Recordings, reports and answers that are done stay: they were paid for, and the team asks over them. Cards stay, too:
they show once that the work was cancelled. Orders of trainings and pictures end: those that the service has, by their
jobs; what is ready nonetheless is told once the person is back.
"""

from datamodels import UserId
from db import Connection

_ENDED = (
    "DELETE FROM web_sessions WHERE user_id = %(id)s",
    "DELETE FROM web_links WHERE user_id = %(id)s",
    "DELETE FROM user_states WHERE user_id = %(id)s",
    "UPDATE invitations SET revoked_at = now() WHERE made_by = %(id)s AND revoked_at IS NULL",
    "UPDATE incoming_files SET state = 'cancelled', retry_at = NULL, finished_at = now() "
    "WHERE owner_id = %(id)s AND finished_at IS NULL",
    "UPDATE takeouts SET ended_at = now() WHERE owner_id = %(id)s AND ended_at IS NULL",
    "UPDATE chat_answers SET status = 'failed', error_code = 'cancelled', draft = NULL, finished_at = now(), "
    "dismissed_at = now() FROM chat_questions "
    "WHERE chat_questions.id = question_id AND owner_id = %(id)s AND status = 'waiting'",
    "UPDATE chat_answers SET delivered_at = now() FROM chat_questions "
    "WHERE chat_questions.id = question_id AND owner_id = %(id)s AND delivered_at IS NULL",
    "UPDATE progress_cards SET delivered = run_ids WHERE owner_id = %(id)s AND undelivered",
    "UPDATE image_orders SET told_at = NULL FROM outbox "
    "WHERE outbox.key = 'avatar:' || image_orders.id AND outbox.owner_id = %(id)s AND outbox.sent_at IS NULL",
    "UPDATE avatars SET status = 'cancelled', version = version + 1 FROM image_orders WHERE avatar_id = avatars.id "
    "AND image_orders.owner_id = %(id)s AND kind = 'training' AND state = 'waiting'",
    "UPDATE image_orders SET state = 'cancelled', quota = 'released', ended_at = now(), told_at = now() "
    "WHERE owner_id = %(id)s AND state = 'waiting'",
    "UPDATE image_orders SET cancel_wanted = true WHERE owner_id = %(id)s AND ended_at IS NULL",
    # What they inherited is theirs still when they come back.
    "UPDATE outbox SET given_up_at = now(), dismissed_at = now(), error = 'chat_closed' "
    "WHERE owner_id = %(id)s AND sent_at IS NULL AND given_up_at IS NULL AND key LIKE 'inherited:%%'",
    "DELETE FROM outbox WHERE owner_id = %(id)s AND sent_at IS NULL AND key NOT LIKE 'inherited:%%'",
)


async def end_all(connection: Connection, person: UserId) -> None:
    """End what a person who is off the team has under way, but for jobs, which are not ended in a transaction."""
    for query in _ENDED:
        await connection.execute(query, {"id": person})
