-- depends: 0024.languages
-- People correct transcripts: names of speakers, who said what, words. A transcript is kept in versions.

-- names is an object: what people call a speaker, by S1, S2, … version grows with every change of the transcript.
ALTER TABLE transcripts
    ADD COLUMN names   jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN version integer NOT NULL DEFAULT 1;

-- One row per change. undo has what the change replaced, null where nothing can be undone; it leads to the text of
-- version before, whose content hash is hash_before. is_filed tells that the file in the object store is as new.
CREATE TABLE transcript_versions (
    recording_id uuid NOT NULL REFERENCES recordings (id) ON DELETE CASCADE,
    version      integer NOT NULL,
    before       integer,
    hash_before  text,
    change       text NOT NULL,
    author_id    uuid REFERENCES users (id),
    asked_by     text NOT NULL DEFAULT '',
    undo         jsonb,
    is_filed     boolean NOT NULL DEFAULT false,
    made_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (recording_id, version)
);
CREATE INDEX transcript_versions_unfiled ON transcript_versions (recording_id) WHERE NOT is_filed;

-- The transcript that a report was written from, by its content hash; null while nothing was written.
ALTER TABLE report_runs ADD COLUMN transcript_hash text;
UPDATE report_runs SET transcript_hash = content_hash
    FROM transcripts WHERE transcripts.recording_id = report_runs.recording_id AND status = 'done';

-- Names and terms that recognition should spell right: the team's where owner_id is null, else a person's own.
CREATE TABLE glossary_terms (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner_id   uuid REFERENCES users (id) ON DELETE CASCADE,
    term       text NOT NULL,
    folded     text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE NULLS NOT DISTINCT (owner_id, folded)
);
