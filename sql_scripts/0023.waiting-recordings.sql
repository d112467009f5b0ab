-- depends: 0022.ready-transcripts-and-estimates
-- What waits for a person is a recording's wizard at a step that needs the person. A choice of reports waits until
-- reports are ordered or declined; before, such a wizard stayed at this step for ever. Older ones have ended.
UPDATE recording_wizards SET step = 'closed', updated_at = now()
WHERE step = 'reports' AND (
    updated_at < now() - interval '14 days'
    OR EXISTS (SELECT FROM report_runs WHERE report_runs.recording_id = recording_wizards.recording_id)
);
CREATE INDEX recording_wizards_waiting ON recording_wizards (owner_id)
WHERE step IN ('scenario', 'proposal', 'confirmation', 'reports');

-- The fields that the form has filled by itself and no person has looked at yet, and the recording they are from.
ALTER TABLE recording_metadata
ADD COLUMN offered text[] NOT NULL DEFAULT '{}', ADD COLUMN offered_by integer;
