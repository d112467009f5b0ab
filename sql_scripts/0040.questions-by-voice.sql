-- depends: 0039.promises-and-money
-- A question that is said into a browser waits here until a worker has heard it, and goes within a day. The same sound of
-- one person is heard once. With an error nothing was heard; is_refused tells that the sound itself is why.
CREATE TABLE spoken_questions (
    id         uuid PRIMARY KEY,
    owner_id   uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    sha256     text NOT NULL,
    sound      bytea,
    words      text,
    error_code text,
    error_text text,
    is_refused boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (owner_id, sha256)
);
CREATE INDEX spoken_questions_old ON spoken_questions (created_at);

-- How many earlier questions like it the model was shown, with answers that their person found good.
ALTER TABLE chat_answers ADD COLUMN similar_found integer NOT NULL DEFAULT 0;
