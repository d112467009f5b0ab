-- depends: 0030.people-who-are-let-in
-- A photograph for an avatar comes in as a file does; nothing but the avatar gets it.
ALTER TABLE incoming_files DROP CONSTRAINT incoming_files_purpose_check;
ALTER TABLE incoming_files ADD CHECK (purpose IN ('recording', 'document', 'words', 'photo'));

-- The card of an avatar shows its version: whatever changes what is shown makes the next. It is edited while it is in
-- the chat, and sent when it is wanted. An avatar whose person deleted
-- it stays until its objects are gone. No order of events writes completed without weights of ours.
CREATE TABLE avatars (
    id             uuid PRIMARY KEY,
    owner_id       uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    number         integer NOT NULL,
    chat_id        bigint NOT NULL,
    name           text NOT NULL,
    gender         text CHECK (gender IN ('female', 'male')),
    consent_at     timestamptz,
    status         text NOT NULL DEFAULT 'draft' CHECK (
        status IN ('draft', 'photos_uploading', 'ready_for_training', 'training', 'completed', 'error', 'cancelled')
    ),
    is_test        boolean NOT NULL,
    weights_key    text,
    weights_url    text,
    weights_until  timestamptz,
    inference      text,
    error_code     text,
    error_text     text,
    version        bigint NOT NULL DEFAULT 1,
    shown_version  bigint NOT NULL DEFAULT 1,
    card_id        bigint,
    card_random_id bigint NOT NULL,
    card_wanted    boolean NOT NULL DEFAULT false,
    opened_at      timestamptz NOT NULL DEFAULT now(),
    created_at     timestamptz NOT NULL DEFAULT now(),
    deleted_at     timestamptz,
    UNIQUE (owner_id, number),
    CHECK (status = 'draft' OR (consent_at IS NOT NULL AND gender IS NOT NULL)),
    CHECK (status <> 'completed' OR weights_key IS NOT NULL)
);
CREATE INDEX avatars_unshown ON avatars (id) WHERE shown_version <> version AND deleted_at IS NULL;
CREATE INDEX avatars_deleted ON avatars (id) WHERE deleted_at IS NOT NULL;

-- What was accepted has a key; a file of whose download nobody knows yet has none.
CREATE TABLE avatar_photos (
    id          uuid PRIMARY KEY,
    avatar_id   uuid NOT NULL REFERENCES avatars (id) ON DELETE CASCADE,
    incoming_id bigint UNIQUE REFERENCES incoming_files (id) ON DELETE SET NULL,
    sha256      text,
    likeness    bigint,
    object_key  text,
    UNIQUE (avatar_id, sha256)
);

CREATE FUNCTION show_photo() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE avatars SET version = version + 1
    FROM avatar_photos WHERE avatar_photos.incoming_id = NEW.id AND avatars.id = avatar_photos.avatar_id;
    RETURN NULL;
END
$$;
CREATE TRIGGER photo_finished AFTER UPDATE OF finished_at ON incoming_files FOR EACH ROW
    WHEN (NEW.purpose = 'photo' AND NEW.finished_at IS NOT NULL AND OLD.finished_at IS NULL)
    EXECUTE FUNCTION show_photo();

-- What is ordered at the service: each is sent once, and its quota reserved for exactly as long as it is open. Rows stay
-- when their avatar goes, without what the person wrote: they are what was spent.
CREATE TABLE image_orders (
    id            uuid PRIMARY KEY,
    owner_id      uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    avatar_id     uuid REFERENCES avatars (id) ON DELETE SET NULL,
    kind          text NOT NULL CHECK (kind IN ('training', 'picture')),
    number        integer NOT NULL,
    occasion      text NOT NULL UNIQUE,
    state         text NOT NULL DEFAULT 'waiting' CHECK (
        state IN ('waiting', 'sending', 'sent', 'done', 'failed', 'cancelled')
    ),
    quota         text NOT NULL DEFAULT 'reserved' CHECK (quota IN ('reserved', 'committed', 'released')),
    trainer       text NOT NULL,
    steps         integer,
    prompt        text,
    aspect        text,
    price_usd     numeric NOT NULL,
    is_test       boolean NOT NULL,
    request_id    text UNIQUE,
    status_url    text,
    response_url  text,
    cancel_url    text,
    stage         text,
    cancel_wanted boolean NOT NULL DEFAULT false,
    object_key    text,
    error_code    text,
    error_text    text,
    created_at    timestamptz NOT NULL DEFAULT now(),
    sent_at       timestamptz,
    ended_at      timestamptz,
    told_at       timestamptz,
    deleted_at    timestamptz,
    erased_at     timestamptz,
    UNIQUE (owner_id, kind, number),
    CHECK ((state IN ('done', 'failed', 'cancelled')) = (ended_at IS NOT NULL)),
    CHECK ((quota = 'reserved') = (ended_at IS NULL)),
    CHECK ((quota = 'committed') = (state = 'done')),
    CHECK (state <> 'sent' OR (request_id IS NOT NULL AND sent_at IS NOT NULL))
);
CREATE UNIQUE INDEX image_orders_training ON image_orders (avatar_id) WHERE kind = 'training' AND ended_at IS NULL;
CREATE INDEX image_orders_open ON image_orders (id) WHERE ended_at IS NULL;
CREATE INDEX image_orders_untold ON image_orders (id) WHERE ended_at IS NOT NULL AND told_at IS NULL;
CREATE INDEX image_orders_deleted ON image_orders (id) WHERE deleted_at IS NOT NULL AND erased_at IS NULL;
CREATE INDEX image_orders_of_avatar ON image_orders (avatar_id, kind, number);
