-- depends: 0025.edited-transcripts
-- People in browsers: links by which they come in, once; their sessions; files that they send in pieces.

-- Of codes and tokens only hashes are here: whoever reads a backup cannot come in by them.
CREATE TABLE web_links (
    code_hash  bytea PRIMARY KEY CHECK (length(code_hash) = 32),
    user_id    uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    expires_at timestamptz NOT NULL
);
CREATE INDEX web_links_expiry ON web_links (expires_at);

CREATE TABLE web_sessions (
    token_hash bytea PRIMARY KEY CHECK (length(token_hash) = 32),
    user_id    uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);
CREATE INDEX web_sessions_expiry ON web_sessions (expires_at);

-- received_bytes is what is on the disk for certain: an upload goes on from there.
CREATE TABLE web_uploads (
    id             uuid PRIMARY KEY,
    owner_id       uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    file_name      text NOT NULL,
    size_bytes     bigint NOT NULL CHECK (size_bytes > 0),
    received_bytes bigint NOT NULL DEFAULT 0 CHECK (received_bytes BETWEEN 0 AND size_bytes),
    scenario       text NOT NULL,
    building       text CHECK (building IN ('hotel', 'restaurant', 'spa')),
    state          text NOT NULL CHECK (state IN ('receiving', 'whole', 'stored', 'refused')),
    recording_id   uuid REFERENCES recordings (id) ON DELETE CASCADE,
    known          boolean NOT NULL DEFAULT false,
    error_code     text,
    error_text     text,
    tries          integer NOT NULL DEFAULT 0,
    retry_at       timestamptz,
    created_at     timestamptz NOT NULL DEFAULT now(),
    touched_at     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX web_uploads_owner ON web_uploads (owner_id, created_at DESC);
CREATE INDEX web_uploads_whole ON web_uploads (created_at) WHERE state = 'whole';
CREATE INDEX web_uploads_touched ON web_uploads (touched_at);
CREATE INDEX web_uploads_recording ON web_uploads (recording_id);
