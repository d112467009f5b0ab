-- depends: 0016.knowledge
-- What a report lists, as data: {pass: [item, …]}, each item with its fields, labels and quotes as prompts/README.md describes
-- them. Null in reports that are not done, and in those written before this column was there.
ALTER TABLE report_runs ADD COLUMN items jsonb;
CREATE INDEX report_runs_done ON report_runs (report_id, recording_id) WHERE status = 'done';
