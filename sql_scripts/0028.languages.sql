-- depends: 0020.research
-- A passage may be in another language than its recording.

ALTER TABLE transcript_segments ADD COLUMN language text;
