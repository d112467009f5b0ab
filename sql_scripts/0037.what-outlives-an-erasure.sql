-- depends: 0035.avatars-of-browsers
-- What was promised to an heir, or decided about a person, outlives the erasure.

-- An heir may have the same bytes, with other reports and corrections. Whoever stores a recording locks the owner first.
ALTER TABLE recordings DROP CONSTRAINT recordings_owner_id_sha256_key;
CREATE INDEX recordings_of_bytes ON recordings (owner_id, sha256);
