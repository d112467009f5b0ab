-- depends: 0042.redone-edits
-- How often the form of a recording was put aside: once it comes back by itself, after that only when it is opened.
ALTER TABLE recording_wizards ADD COLUMN asides smallint NOT NULL DEFAULT 0;
DROP INDEX recording_wizards_moving;
CREATE INDEX recording_wizards_moving ON recording_wizards (recording_id)
    WHERE step IN ('transcript', 'proposal') AND asides < 2;

-- The fields of ``offered`` that the language model proposed from the transcript.
ALTER TABLE recording_metadata ADD COLUMN proposed text[] NOT NULL DEFAULT '{}';
