-- depends: 0040.questions-by-voice
-- How much of a part an engine has heard, 0 to 1, while the part has no result: cards and lines move meanwhile.
ALTER TABLE recording_parts ADD COLUMN heard real CHECK (heard BETWEEN 0 AND 1);
