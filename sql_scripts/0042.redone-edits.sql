-- depends: 0041.what-is-heard-of-a-part
-- What was undone can be done again, and people are told whose edit an undoing takes back.

-- origin is the version of the edit that undoing this one takes back; null where it is not known. redo has what an
-- undoing took away, and the version that it leads back to; null where nothing was undone.
ALTER TABLE transcript_versions
    ADD COLUMN origin integer,
    ADD COLUMN redo   jsonb;
UPDATE transcript_versions SET origin = version WHERE change <> 'undone';
