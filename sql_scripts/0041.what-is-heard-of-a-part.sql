-- depends: 0038.messages-of-erased-people
-- How much of a part an engine has heard, 0 to 1, while the part has no result: cards and lines move meanwhile.
ALTER TABLE recording_parts ADD COLUMN heard real CHECK (heard BETWEEN 0 AND 1);
