-- depends:
-- People, recordings, transcripts and reports. Ids inside are UUIDs; numbers shown to people are small integers per owner.

-- last_recording_number only grows: the number of a deleted recording is never given to another.
CREATE TABLE users (
    id                    uuid PRIMARY KEY,
    telegram_id           bigint UNIQUE,
    name                  text NOT NULL,
    role                  text NOT NULL CHECK (role IN ('guest', 'user', 'admin', 'super_admin')),
    last_recording_number integer NOT NULL DEFAULT 0,
    created_at            timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE recordings (
    id                 uuid PRIMARY KEY,
    owner_id           uuid NOT NULL REFERENCES users (id),
    number             integer NOT NULL,
    sha256             text NOT NULL CHECK (length(sha256) = 64),
    size_bytes         bigint NOT NULL CHECK (size_bytes > 0),
    file_name          text NOT NULL,
    extension          text NOT NULL,
    object_key         text NOT NULL,
    container          text NOT NULL,
    codec              text NOT NULL,
    duration_s         double precision NOT NULL,
    caption            text NOT NULL DEFAULT '',
    scenario           text NOT NULL,
    building           text CHECK (building IN ('hotel', 'restaurant', 'spa')),
    language_requested text,
    speakers_requested integer CHECK (speakers_requested BETWEEN 1 AND 20),
    stage              text NOT NULL,
    error_code         text,
    error_text         text,
    warnings           jsonb NOT NULL DEFAULT '[]',
    stage_seconds      jsonb NOT NULL DEFAULT '{}',
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now(),
    UNIQUE (owner_id, number),
    UNIQUE (owner_id, sha256)
);

-- The plan of a recording's parts and what the engine answered for each. input_hash covers the original's sha256, the
-- part's borders, the engine, its model and the language: a row with a result is never transcribed again. Results of
-- earlier plans (another engine, another language) are kept with planned = false.
CREATE TABLE recording_parts (
    recording_id uuid NOT NULL REFERENCES recordings (id) ON DELETE CASCADE,
    input_hash   text NOT NULL,
    position     integer NOT NULL,
    start_s      double precision NOT NULL,
    end_s        double precision NOT NULL,
    planned      boolean NOT NULL DEFAULT true,
    result       jsonb,
    error_code   text,
    tries        integer NOT NULL DEFAULT 0,
    engine_s     double precision NOT NULL DEFAULT 0,
    finished_at  timestamptz,
    PRIMARY KEY (recording_id, input_hash),
    CHECK (end_s > start_s)
);

CREATE TABLE transcripts (
    recording_id uuid PRIMARY KEY REFERENCES recordings (id) ON DELETE CASCADE,
    language     text NOT NULL,
    engine       text NOT NULL,
    model        text NOT NULL,
    duration_s   double precision NOT NULL,
    speakers     integer NOT NULL DEFAULT 0,
    missing      jsonb NOT NULL DEFAULT '[]',
    content_hash text NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now()
);

-- words is an array of [start, end, text, probability].
CREATE TABLE transcript_segments (
    recording_id uuid NOT NULL REFERENCES transcripts (recording_id) ON DELETE CASCADE,
    position     integer NOT NULL,
    start_s      double precision NOT NULL,
    end_s        double precision NOT NULL,
    speaker      text,
    role         text,
    confidence   double precision,
    text         text NOT NULL,
    words        jsonb,
    PRIMARY KEY (recording_id, position)
);

CREATE TABLE employees (id uuid PRIMARY KEY, name text NOT NULL UNIQUE);
CREATE TABLE clients (id uuid PRIMARY KEY, name text NOT NULL UNIQUE);
CREATE TABLE places (id uuid PRIMARY KEY, name text NOT NULL, building text NOT NULL DEFAULT '', UNIQUE (name, building));
CREATE TABLE zones (id uuid PRIMARY KEY, name text NOT NULL UNIQUE);
CREATE TABLE cities (id uuid PRIMARY KEY, name text NOT NULL UNIQUE);

CREATE TABLE recording_metadata (
    recording_id uuid PRIMARY KEY REFERENCES recordings (id) ON DELETE CASCADE,
    audio_number integer,
    recorded_on  date,
    employee_id  uuid REFERENCES employees (id),
    client_id    uuid REFERENCES clients (id),
    place_id     uuid REFERENCES places (id),
    city_id      uuid REFERENCES cities (id),
    building     text CHECK (building IN ('hotel', 'restaurant', 'spa')),
    confirmed_at timestamptz
);

CREATE TABLE recording_zones (
    recording_id uuid NOT NULL REFERENCES recording_metadata (recording_id) ON DELETE CASCADE,
    zone_id      uuid NOT NULL REFERENCES zones (id),
    position     integer NOT NULL,
    PRIMARY KEY (recording_id, zone_id)
);

CREATE TABLE report_runs (
    id                uuid PRIMARY KEY,
    recording_id      uuid NOT NULL REFERENCES recordings (id) ON DELETE CASCADE,
    owner_id          uuid NOT NULL REFERENCES users (id),
    number            integer,
    scenario          text NOT NULL,
    report_id         text NOT NULL,
    building          text CHECK (building IN ('hotel', 'restaurant', 'spa')),
    input_hash        text NOT NULL,
    prompt_hash       text NOT NULL,
    model             text NOT NULL,
    status            text NOT NULL CHECK (status IN ('queued', 'running', 'done', 'failed', 'cancelled')),
    passes_done       integer NOT NULL DEFAULT 0,
    passes_total      integer NOT NULL,
    text              text,
    indices           jsonb,
    indices_error     text,
    warnings          jsonb NOT NULL DEFAULT '[]',
    prompt_tokens     bigint NOT NULL DEFAULT 0,
    completion_tokens bigint NOT NULL DEFAULT 0,
    cost_usd          numeric(12, 6),
    duration_s        double precision NOT NULL DEFAULT 0,
    error_code        text,
    error_text        text,
    created_at        timestamptz NOT NULL DEFAULT now(),
    finished_at       timestamptz,
    UNIQUE (recording_id, report_id, input_hash)
);

-- One row per answer of the language model inside a report. input_hash covers the messages, the schema and the model:
-- an answer that is here is never paid for again.
CREATE TABLE report_passes (
    recording_id      uuid NOT NULL REFERENCES recordings (id) ON DELETE CASCADE,
    input_hash        text NOT NULL,
    pass_name         text NOT NULL,
    model             text NOT NULL,
    output            text NOT NULL,
    prompt_tokens     bigint NOT NULL,
    completion_tokens bigint NOT NULL,
    duration_s        double precision NOT NULL,
    created_at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (recording_id, input_hash)
);

CREATE INDEX report_runs_owner ON report_runs (owner_id, created_at DESC);
CREATE INDEX recordings_owner ON recordings (owner_id, created_at DESC);
