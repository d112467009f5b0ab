-- depends: 0012.workers
-- Work that has not ended: what is looked through for work without a job.
CREATE INDEX recordings_unfinished ON recordings (updated_at) WHERE stage <> 'done' AND error_code IS NULL;
CREATE INDEX report_runs_unfinished ON report_runs (created_at) WHERE status IN ('queued', 'running');
CREATE INDEX chat_answers_waiting ON chat_answers (created_at) WHERE status = 'waiting';
