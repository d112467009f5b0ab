-- depends: 0008.outbox-aside
-- Conversations are answers as something to be rated and learnt from. They are fewer than the answers: the oldest without
-- a rating leave first. embedding is the question's unit vector, little-endian float32, made by embedding_model.
CREATE TABLE conversations (
    answer_id       uuid PRIMARY KEY REFERENCES chat_answers (id) ON DELETE CASCADE,
    owner_id        uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    rating          smallint CHECK (rating BETWEEN 1 AND 5),
    comment         text,
    rated_at        timestamptz,
    embedding_model text,
    embedding       bytea,
    created_at      timestamptz NOT NULL DEFAULT now(),
    CHECK ((embedding IS NULL) = (embedding_model IS NULL))
);
CREATE INDEX conversations_by_worth ON conversations ((rating IS NOT NULL), created_at, answer_id);
CREATE INDEX conversations_rated ON conversations (owner_id, rated_at DESC) WHERE rating IS NOT NULL;

INSERT INTO conversations (answer_id, owner_id, rating, rated_at, created_at)
    SELECT chat_answers.id, owner_id, rating, finished_at, chat_answers.created_at
    FROM chat_answers JOIN chat_questions ON chat_questions.id = question_id
    WHERE rating IS NOT NULL;
ALTER TABLE chat_answers DROP COLUMN rating, ADD COLUMN prompt_version text NOT NULL DEFAULT '';

-- What people think of the answers of each model and prompt, to judge a change of either.
CREATE VIEW model_metrics AS
    SELECT
        model, prompt_version,
        count(*) AS answers,
        count(rating) AS ratings,
        avg(rating)::double precision AS average,
        count(rating) FILTER (WHERE rating >= 4) AS good,
        count(rating) FILTER (WHERE rating <= 2) AS bad,
        avg(prompt_tokens + completion_tokens)::double precision AS tokens,
        avg(duration_s) AS duration_s,
        min(chat_answers.finished_at) AS first_at,
        max(chat_answers.finished_at) AS last_at
    FROM chat_answers LEFT JOIN conversations ON answer_id = chat_answers.id
    WHERE status = 'done'
    GROUP BY model, prompt_version;
