-- depends: 0003.telegram
-- Chats: threads of questions and answers, and the index by which transcripts are searched.

-- A chat is known by its owner and its number, which no other chat of that owner ever had.
ALTER TABLE users ADD COLUMN last_chat_number integer NOT NULL DEFAULT 0;

-- title is null until the first question, or a person, gives one.
CREATE TABLE chats (
    owner_id   uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    number     integer NOT NULL,
    title      text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (owner_id, number)
);
CREATE INDEX chats_recent ON chats (owner_id, updated_at DESC, number DESC);

-- (telegram_chat_id, message_id) is the message that asked: however often it is handled, it is one question.
CREATE TABLE chat_questions (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner_id         uuid NOT NULL,
    chat_number      integer NOT NULL,
    telegram_chat_id bigint NOT NULL,
    message_id       bigint NOT NULL,
    text             text NOT NULL,
    asked_at         timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (owner_id, chat_number) REFERENCES chats (owner_id, number) ON DELETE CASCADE,
    UNIQUE (telegram_chat_id, message_id)
);
CREATE INDEX chat_questions_of_chat ON chat_questions (owner_id, chat_number, id);
CREATE INDEX chat_questions_by_day ON chat_questions (owner_id, asked_at);

-- basis tells what an answer rests on. waiting_message_id is the message that says that the search goes on; it goes when
-- the answer is there. An answer that has ended and has no delivered_at is still to be put into the outbox.
CREATE TABLE chat_answers (
    id                 uuid PRIMARY KEY,
    question_id        bigint NOT NULL REFERENCES chat_questions (id) ON DELETE CASCADE,
    kind               text NOT NULL CHECK (kind IN ('fast', 'deep')),
    status             text NOT NULL CHECK (status IN ('waiting', 'done', 'failed')),
    basis              text CHECK (basis IN ('model', 'quotes', 'nothing', 'empty')),
    text               text,
    note               text,
    sources            jsonb NOT NULL DEFAULT '[]',
    model              text NOT NULL DEFAULT '',
    prompt_tokens      bigint NOT NULL DEFAULT 0,
    completion_tokens  bigint NOT NULL DEFAULT 0,
    duration_s         double precision NOT NULL DEFAULT 0,
    rating             smallint CHECK (rating BETWEEN 1 AND 5),
    waiting_message_id bigint,
    error_code         text,
    created_at         timestamptz NOT NULL DEFAULT now(),
    finished_at        timestamptz,
    delivered_at       timestamptz
);
CREATE INDEX chat_answers_of_question ON chat_answers (question_id, created_at);
CREATE INDEX chat_answers_undelivered ON chat_answers (finished_at) WHERE status <> 'waiting' AND delivered_at IS NULL;

-- «е» stands for «ё»: people write one, engines the other.
CREATE INDEX transcript_segments_words ON transcript_segments
    USING gin (to_tsvector('russian', translate(text, 'ёЁ', 'еЕ')));
