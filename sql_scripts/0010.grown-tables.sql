-- depends: 0009.ratings-of-answers
-- What is asked every second reads the few rows that are open, however many have ended.

-- PostgreSQL has no statistics about NOT run_ids <@ delivered: it takes nearly all rows for undelivered.
ALTER TABLE progress_cards ADD COLUMN undelivered boolean NOT NULL GENERATED ALWAYS AS (NOT run_ids <@ delivered) STORED;
DROP INDEX progress_cards_undelivered;
CREATE INDEX progress_cards_undelivered ON progress_cards (id) WHERE undelivered;

-- A wizard whose person left its questions unanswered stays open, and nothing moves it.
DROP INDEX recording_wizards_open;
CREATE INDEX recording_wizards_moving ON recording_wizards (recording_id) WHERE step IN ('transcript', 'proposal');

-- What has ended is found by the time of its end, to be deleted.
CREATE INDEX outbox_ended ON outbox (coalesce(sent_at, given_up_at)) WHERE coalesce(sent_at, given_up_at) IS NOT NULL;
CREATE INDEX incoming_files_ended ON incoming_files (finished_at) WHERE recording_id IS NULL;
CREATE INDEX progress_cards_ended ON progress_cards (created_at) WHERE final AND NOT undelivered;
CREATE INDEX seen_updates_ended ON seen_updates (done_at) WHERE done_at IS NOT NULL;
CREATE INDEX seen_updates_messages ON seen_updates (message_id) WHERE kind = 'message';
CREATE INDEX user_states_expiring ON user_states (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX sent_messages_by_time ON sent_messages (sent_at);

-- A page of a scenario's recordings is counted and turned to in the index.
CREATE INDEX recordings_of_scenario ON recordings (owner_id, scenario, number);
