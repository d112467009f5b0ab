-- depends: 0014.questions-of-recordings
-- A list of a hundred thousand messages that were given up, and the look for open wizards of recordings that failed,
-- are answered by the indexes alone.
DROP INDEX outbox_given_up;
CREATE INDEX outbox_given_up ON outbox (given_up_at, id) INCLUDE (owner_id, error, dismissed_at)
    WHERE given_up_at IS NOT NULL AND sent_at IS NULL;
DROP INDEX recordings_failed;
CREATE INDEX recordings_failed ON recordings (updated_at, id) INCLUDE (owner_id, error_code, dismissed_at)
    WHERE error_code IS NOT NULL AND retry_at IS NULL;
