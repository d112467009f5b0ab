-- depends: 0026.console
-- A short voice note may be words in the place of typed text: it is a file whose purpose is words, and comes back as an
-- update of its own once they are recognised.
ALTER TABLE incoming_files DROP CONSTRAINT incoming_files_purpose_check;
ALTER TABLE incoming_files ADD CHECK (purpose IN ('recording', 'document', 'words'));
ALTER TABLE seen_updates DROP CONSTRAINT seen_updates_kind_check;
ALTER TABLE seen_updates ADD CHECK (kind IN ('message', 'button', 'words'));

-- answers is the step of the dialog that a voice note answered. Messages of one album have its number; origin tells
-- who wrote a forwarded message first.
ALTER TABLE incoming_files
    ADD COLUMN answers text,
    ADD COLUMN album bigint,
    ADD COLUMN origin text NOT NULL DEFAULT '';
CREATE INDEX incoming_files_album ON incoming_files (chat_id, album) WHERE album IS NOT NULL;

-- The sound waits here for any worker, and goes when it is heard. passed_at tells that the words were taken as text.
CREATE TABLE spoken_words (
    id          uuid PRIMARY KEY,
    incoming_id bigint NOT NULL UNIQUE REFERENCES incoming_files (id) ON DELETE CASCADE,
    sound       bytea,
    words       text,
    passed_at   timestamptz
);
CREATE INDEX spoken_words_open ON spoken_words (incoming_id) WHERE passed_at IS NULL;

-- Groups that were told that the bot works in private chats.
CREATE TABLE told_groups (
    chat_id bigint PRIMARY KEY,
    told_at timestamptz NOT NULL DEFAULT now()
);

-- Files with everything that somebody has, made beside all messages. progress_id is the message that shows how far it is;
-- a random id makes Telegram take the file once.
CREATE TABLE takeouts (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner_id    uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    chat_id     bigint NOT NULL,
    extension   text NOT NULL,
    random_id   bigint NOT NULL,
    progress_id bigint,
    ordered_at  timestamptz NOT NULL DEFAULT now(),
    ended_at    timestamptz
);
CREATE UNIQUE INDEX takeouts_open ON takeouts (owner_id, extension) WHERE ended_at IS NULL;
