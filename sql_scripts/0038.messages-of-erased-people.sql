-- depends: 0037.what-outlives-an-erasure
-- Telegram delivers anew what has come since the last start. Nothing that a person sent before the end of their erasure is
-- handled then, though no row of it is left. The chat is known by its hash alone.
CREATE TABLE erased_chats (
    chat_hash bytea PRIMARY KEY,
    up_to     bigint NOT NULL,
    erased_at timestamptz NOT NULL DEFAULT now()
);
