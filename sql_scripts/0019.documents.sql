-- depends: 0018.items-of-reports
-- Documents are the team's: people name them by number, and the same bytes are one document, whoever loads them.

ALTER TABLE documents
    ADD COLUMN number integer GENERATED ALWAYS AS IDENTITY UNIQUE,
    DROP CONSTRAINT documents_owner_id_sha256_key,
    ADD UNIQUE (sha256);

-- Which document a file that somebody sent has become.
CREATE TABLE sent_documents (
    incoming_id bigint PRIMARY KEY REFERENCES incoming_files (id) ON DELETE CASCADE,
    number      integer NOT NULL
);
