-- depends: 0011.dead-letters
-- What workers on other machines leave to the bot's process is asked for every second.

-- Reports that are written and not in their owner's archive yet.
CREATE INDEX report_runs_unfiled ON report_runs (finished_at) WHERE status = 'done' AND number IS NULL;
-- Recordings whose original the object store has lost; the bot's process fetches it from the chat.
CREATE INDEX recordings_awaiting_original ON recordings (id) WHERE error_code = 'original_awaited';
