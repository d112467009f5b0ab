-- depends: 0023.waiting-recordings
-- A passage may be in another language than its recording.

ALTER TABLE transcript_segments ADD COLUMN language text;
