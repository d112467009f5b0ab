-- depends: 0010.grown-tables
-- The owner sees what was given up, and can take it out of the list. Whatever fails anew is seen again.
ALTER TABLE outbox ADD COLUMN dismissed_at timestamptz;
ALTER TABLE recordings ADD COLUMN dismissed_at timestamptz;
ALTER TABLE report_runs ADD COLUMN dismissed_at timestamptz;
ALTER TABLE chat_answers ADD COLUMN dismissed_at timestamptz;

CREATE INDEX outbox_given_up ON outbox (given_up_at) WHERE given_up_at IS NOT NULL AND sent_at IS NULL;
CREATE INDEX recordings_failed ON recordings (updated_at) WHERE error_code IS NOT NULL AND retry_at IS NULL;
CREATE INDEX report_runs_failed ON report_runs (finished_at) WHERE status = 'failed';
CREATE INDEX chat_answers_failed ON chat_answers (finished_at) WHERE status = 'failed';
