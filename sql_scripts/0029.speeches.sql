-- depends: 0028.people-who-come-back
-- An answer, a report or a text said aloud. What is said goes with its answer or report. A voice says the same text once
-- for its person: parts are what was paid for so far, sound is the whole. occasion is the press that the bot's voice
-- message answers, and progress_id the message that shows how far it is.
CREATE TABLE speeches (
    id           uuid PRIMARY KEY,
    owner_id     uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    kind         text NOT NULL CHECK (kind IN ('answer', 'report', 'text')),
    answer_id    uuid REFERENCES chat_answers (id) ON DELETE CASCADE,
    run_id       uuid REFERENCES report_runs (id) ON DELETE CASCADE,
    title        text NOT NULL,
    text         text NOT NULL,
    is_whole     boolean NOT NULL,
    voice        text NOT NULL,
    key          text NOT NULL,
    pieces       integer NOT NULL,
    parts        bytea[] NOT NULL DEFAULT '{}',
    sound        bytea,
    duration_s   double precision,
    error_code   text,
    error_text   text,
    retry_at     timestamptz,
    chat_id      bigint,
    occasion     text,
    progress_id  bigint,
    delivered_at timestamptz,
    created_at   timestamptz NOT NULL DEFAULT now(),
    ended_at     timestamptz,
    UNIQUE (owner_id, key)
);
CREATE INDEX speeches_listed ON speeches (owner_id, created_at);
CREATE INDEX speeches_of_answer ON speeches (answer_id) WHERE answer_id IS NOT NULL;
CREATE INDEX speeches_of_run ON speeches (run_id) WHERE run_id IS NOT NULL;
CREATE INDEX speeches_open ON speeches (created_at) WHERE ended_at IS NULL;
CREATE INDEX speeches_undelivered ON speeches (created_at) WHERE chat_id IS NOT NULL AND delivered_at IS NULL;
CREATE INDEX speeches_old ON speeches (created_at) WHERE ended_at IS NOT NULL;

-- What somebody has used of something that is limited by the hour. A deletion of what came of it gives nothing back.
CREATE TABLE hourly_uses (
    feature  text NOT NULL,
    owner_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    used_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX hourly_uses_counted ON hourly_uses (feature, owner_id, used_at);
CREATE INDEX hourly_uses_old ON hourly_uses (used_at);
