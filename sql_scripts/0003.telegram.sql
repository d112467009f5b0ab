-- depends: 0002.job-queue
-- The Telegram side: what came in and was not finished, conversations, what was sent, what has still to be sent.

-- One row per piece of a person's state; each piece has its own key, so that none overwrites another.
CREATE TABLE user_states (
    user_id    uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    key        text NOT NULL,
    value      jsonb NOT NULL,
    expires_at timestamptz,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, key)
);

-- Every update once: a message by chat and message id, a pressed button by its query id. A row without done_at was
-- interrupted and is handled again after a restart. What was written is not kept: a message is fetched again by its id.
CREATE TABLE seen_updates (
    kind        text NOT NULL CHECK (kind IN ('message', 'button')),
    chat_id     bigint NOT NULL,
    update_id   bigint NOT NULL,
    message_id  bigint NOT NULL,
    person_id   bigint NOT NULL,
    person_name text NOT NULL,
    data        text,
    tries       integer NOT NULL DEFAULT 0,
    received_at timestamptz NOT NULL DEFAULT now(),
    done_at     timestamptz,
    PRIMARY KEY (kind, chat_id, update_id)
);
CREATE INDEX seen_updates_open ON seen_updates (received_at) WHERE done_at IS NULL;

-- The bot's messages that a later one may remove; results are not here.
CREATE TABLE sent_messages (
    chat_id    bigint NOT NULL,
    message_id bigint NOT NULL,
    kind       text NOT NULL,
    sent_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (chat_id, message_id)
);

-- What a job's end has to say. key names the occasion: the same occasion is put in once, however often it is noticed.
-- given_up_at and error tell that the chat takes it no more: what is sent after it must not wait for ever.
CREATE TABLE outbox (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key         text NOT NULL UNIQUE,
    owner_id    uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    chat_id     bigint NOT NULL,
    message     jsonb NOT NULL,
    random_id   bigint NOT NULL,
    message_id  bigint,
    tries       integer NOT NULL DEFAULT 0,
    not_before  timestamptz NOT NULL DEFAULT now(),
    created_at  timestamptz NOT NULL DEFAULT now(),
    sent_at     timestamptz,
    given_up_at timestamptz,
    error       text
);
CREATE INDEX outbox_open ON outbox (chat_id, id) WHERE sent_at IS NULL AND given_up_at IS NULL;

-- Files that people sent, from the first sign on. (chat_id, message_id) names the message that carries the file. With
-- retry_at the last try failed, for the reason in error_text, and nobody has to ask for the next.
CREATE TABLE incoming_files (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner_id     uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    chat_id      bigint NOT NULL,
    message_id   bigint NOT NULL,
    file         jsonb NOT NULL,
    caption      text NOT NULL DEFAULT '',
    scenario     text,
    state        text NOT NULL,
    bytes_done   bigint NOT NULL DEFAULT 0,
    recording_id uuid REFERENCES recordings (id) ON DELETE SET NULL,
    known        boolean NOT NULL DEFAULT false,
    error_code   text,
    error_text   text,
    tries        integer NOT NULL DEFAULT 0,
    retry_at     timestamptz,
    created_at   timestamptz NOT NULL DEFAULT now(),
    finished_at  timestamptz,
    UNIQUE (chat_id, message_id)
);
CREATE INDEX incoming_files_open ON incoming_files (id) WHERE finished_at IS NULL;
CREATE INDEX incoming_files_recording ON incoming_files (recording_id, id);

-- A file has one card, however often the message that brought it is handled. delivered are those of run_ids whose
-- outcome is in the outbox: a card that its person deleted is final, and its reports are delivered all the same.
CREATE TABLE progress_cards (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind         text NOT NULL CHECK (kind IN ('recording', 'reports')),
    owner_id     uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    chat_id      bigint NOT NULL,
    incoming_id  bigint UNIQUE REFERENCES incoming_files (id) ON DELETE CASCADE,
    recording_id uuid REFERENCES recordings (id) ON DELETE CASCADE,
    run_ids      uuid[] NOT NULL DEFAULT '{}',
    delivered    uuid[] NOT NULL DEFAULT '{}',
    message_id   bigint,
    random_id    bigint NOT NULL,
    sent_anew    boolean NOT NULL DEFAULT false,
    shown_hash   text NOT NULL DEFAULT '',
    final        boolean NOT NULL DEFAULT false,
    created_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX progress_cards_open ON progress_cards (id) WHERE NOT final;
CREATE INDEX progress_cards_undelivered ON progress_cards (id) WHERE NOT run_ids <@ delivered;

-- Where the conversation about a recording that came by Telegram stands. One transaction moves it on and puts into the
-- outbox what the person gets with that.
CREATE TABLE recording_conversations (
    recording_id uuid PRIMARY KEY REFERENCES recordings (id) ON DELETE CASCADE,
    owner_id     uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    chat_id      bigint NOT NULL,
    step         text NOT NULL,
    round        integer NOT NULL DEFAULT 1,
    updated_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX recording_conversations_open ON recording_conversations (step) WHERE step NOT IN ('reports', 'closed');

ALTER TABLE recordings
    ADD COLUMN retry_at timestamptz,
    ADD COLUMN stage_at timestamptz NOT NULL DEFAULT now();
ALTER TABLE report_runs ADD COLUMN retry_at timestamptz;
ALTER TABLE recording_metadata ADD COLUMN proposed_at timestamptz;
