-- depends: 0008.outbox-aside
-- What is asked every second reads the few rows that are open, however many have ended.

-- PostgreSQL has no statistics about NOT run_ids <@ delivered: it takes nearly all rows for undelivered.
ALTER TABLE progress_cards ADD COLUMN undelivered boolean NOT NULL GENERATED ALWAYS AS (NOT run_ids <@ delivered) STORED;
DROP INDEX progress_cards_undelivered;
CREATE INDEX progress_cards_undelivered ON progress_cards (id) WHERE undelivered;

-- A wizard whose person left its questions unanswered stays open, and nothing moves it.
DROP INDEX recording_wizards_open;
CREATE INDEX recording_wizards_moving ON recording_wizards (recording_id) WHERE step IN ('transcript', 'proposal');
