-- depends: 0015.covering-indexes
-- What questions are answered from: transcripts, reports and documents in chunks, with the vectors of these.

-- private: nobody but the owner finds the recording when asking.
ALTER TABLE recordings
    ADD COLUMN visibility text NOT NULL DEFAULT 'team' CHECK (visibility IN ('team', 'private'));

-- Files that somebody loaded to be asked about. text is what was found in the file.
CREATE TABLE documents (
    id         uuid PRIMARY KEY,
    owner_id   uuid NOT NULL REFERENCES users (id),
    visibility text NOT NULL DEFAULT 'team' CHECK (visibility IN ('team', 'private')),
    name       text NOT NULL,
    sha256     text NOT NULL CHECK (length(sha256) = 64),
    text       text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (owner_id, sha256)
);

-- A transcript, report or document. changes counts the changes of what it is made from, and changed_at is null while its
-- chunks are those of the last change. rules names the rules that the chunks were made by; what follows after it is what
-- the recording was said to be then. Who may see a source is asked from recordings and documents.
CREATE TABLE chunk_sources (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    corpus       text NOT NULL CHECK (corpus IN ('transcript', 'report', 'document')),
    recording_id uuid REFERENCES recordings (id) ON DELETE CASCADE,
    run_id       uuid UNIQUE REFERENCES report_runs (id) ON DELETE CASCADE,
    document_id  uuid UNIQUE REFERENCES documents (id) ON DELETE CASCADE,
    changes      bigint NOT NULL DEFAULT 1,
    changed_at   timestamptz DEFAULT clock_timestamp(),
    rules        text NOT NULL DEFAULT '',
    scenario     text,
    report       text,
    day          date,
    place        text,
    city         text,
    employee     text,
    client       text,
    building     text,
    CHECK ((corpus = 'document') = (recording_id IS NULL)),
    CHECK ((corpus = 'report') = (run_id IS NOT NULL)),
    CHECK ((corpus = 'document') = (document_id IS NOT NULL))
);
CREATE UNIQUE INDEX chunk_sources_of_transcript ON chunk_sources (recording_id) WHERE corpus = 'transcript';
CREATE INDEX chunk_sources_of_recording ON chunk_sources (recording_id);
CREATE INDEX chunk_sources_changed ON chunk_sources (changed_at) WHERE changed_at IS NOT NULL;

-- Times are seconds from the recording's start, null elsewhere. context says where a chunk is from, in words; it counts
-- as if it stood before the text. lemmas are the words of both, each once. content_hash covers context, text and roles.
CREATE TABLE chunks (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source_id    bigint NOT NULL REFERENCES chunk_sources (id) ON DELETE CASCADE,
    position     integer NOT NULL,
    start_s      double precision,
    end_s        double precision,
    roles        text[] NOT NULL,
    context      text NOT NULL,
    text         text NOT NULL,
    lemmas       text[] NOT NULL,
    content_hash text NOT NULL CHECK (length(content_hash) = 64)
);
CREATE INDEX chunks_of_source ON chunks (source_id, position);
CREATE INDEX chunks_lemmas ON chunks USING gin (lemmas);

-- The models that chunks have vectors of. The one wanted last is in use as soon as it is complete.
CREATE TABLE embedding_models (
    id        integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name      text NOT NULL UNIQUE,
    complete  boolean NOT NULL DEFAULT false,
    wanted_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Versions grow in the order in which they become visible: whoever has seen one has seen all that are lower.
CREATE SEQUENCE chunk_versions;
CREATE FUNCTION next_chunk_version() RETURNS bigint LANGUAGE sql AS $$
    SELECT pg_advisory_xact_lock(hashtextextended('chunk_versions', 0));
    SELECT nextval('chunk_versions');
$$;

-- vector is a unit vector in little-endian float16; null while it is still to be made.
CREATE TABLE chunk_vectors (
    chunk_id  bigint NOT NULL REFERENCES chunks (id) ON DELETE CASCADE,
    model_id  integer NOT NULL REFERENCES embedding_models (id) ON DELETE CASCADE,
    vector    bytea,
    wanted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    version   bigint,
    PRIMARY KEY (chunk_id, model_id),
    CHECK ((vector IS NULL) = (version IS NULL))
);
ALTER TABLE chunk_vectors ALTER COLUMN vector SET STORAGE MAIN;
CREATE INDEX chunk_vectors_wanted ON chunk_vectors (wanted_at, chunk_id) INCLUDE (model_id) WHERE vector IS NULL;
CREATE INDEX chunk_vectors_made ON chunk_vectors (model_id, version) WHERE version IS NOT NULL;

-- What processes that hold vectors in memory have to forget. By the transaction's number a process knows which it may
-- not have seen yet; a version would have to be taken under a lock, in the transactions of people who delete.
CREATE TABLE removed_chunks (
    chunk_id   bigint PRIMARY KEY,
    xid        xid8 NOT NULL DEFAULT pg_current_xact_id(),
    removed_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX removed_chunks_by_xid ON removed_chunks (xid);
CREATE INDEX removed_chunks_by_time ON removed_chunks (removed_at);
CREATE FUNCTION note_removed_chunks() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO removed_chunks (chunk_id) SELECT id FROM removed;
    RETURN NULL;
END $$;
CREATE TRIGGER note_removed AFTER DELETE ON chunks
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION note_removed_chunks();

-- Whatever changes a source says so in its own transaction, whichever version of the product it is.
CREATE FUNCTION note_transcript() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO chunk_sources (corpus, recording_id) VALUES ('transcript', NEW.recording_id)
        ON CONFLICT (recording_id) WHERE corpus = 'transcript'
        DO UPDATE SET changes = chunk_sources.changes + 1, changed_at = clock_timestamp();
    ELSE
        UPDATE chunk_sources SET changes = changes + 1, changed_at = clock_timestamp()
        WHERE recording_id = OLD.recording_id AND corpus = 'transcript';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER note_transcript AFTER INSERT OR UPDATE OR DELETE ON transcripts
    FOR EACH ROW EXECUTE FUNCTION note_transcript();

CREATE FUNCTION note_segments() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE chunk_sources SET changes = changes + 1, changed_at = clock_timestamp()
    WHERE recording_id IN (SELECT recording_id FROM changed) AND corpus = 'transcript';
    RETURN NULL;
END $$;
CREATE TRIGGER note_segments AFTER UPDATE ON transcript_segments
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_segments();

CREATE FUNCTION note_report() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO chunk_sources (corpus, recording_id, run_id) VALUES ('report', NEW.recording_id, NEW.id)
    ON CONFLICT (run_id) DO UPDATE SET changes = chunk_sources.changes + 1, changed_at = clock_timestamp();
    RETURN NULL;
END $$;
CREATE TRIGGER note_report AFTER INSERT OR UPDATE OF status, text ON report_runs
    FOR EACH ROW WHEN (NEW.status = 'done' AND NEW.text IS NOT NULL) EXECUTE FUNCTION note_report();

CREATE FUNCTION note_metadata() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE chunk_sources SET changes = changes + 1, changed_at = clock_timestamp()
    WHERE recording_id = coalesce(NEW.recording_id, OLD.recording_id);
    RETURN NULL;
END $$;
CREATE TRIGGER note_metadata AFTER INSERT OR DELETE OR UPDATE OF
    audio_number, recorded_on, employee_id, client_id, place_id, city_id, building ON recording_metadata
    FOR EACH ROW EXECUTE FUNCTION note_metadata();

CREATE FUNCTION note_recording() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE chunk_sources SET changes = changes + 1, changed_at = clock_timestamp() WHERE recording_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER note_recording AFTER UPDATE OF scenario, building ON recordings
    FOR EACH ROW WHEN (OLD.scenario IS DISTINCT FROM NEW.scenario OR OLD.building IS DISTINCT FROM NEW.building)
    EXECUTE FUNCTION note_recording();

CREATE FUNCTION note_document() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO chunk_sources (corpus, document_id) VALUES ('document', NEW.id)
    ON CONFLICT (document_id) DO UPDATE SET changes = chunk_sources.changes + 1, changed_at = clock_timestamp();
    RETURN NULL;
END $$;
CREATE TRIGGER note_document AFTER INSERT OR UPDATE OF name, text ON documents
    FOR EACH ROW EXECUTE FUNCTION note_document();

INSERT INTO chunk_sources (corpus, recording_id) SELECT 'transcript', recording_id FROM transcripts;
INSERT INTO chunk_sources (corpus, recording_id, run_id)
    SELECT 'report', recording_id, id FROM report_runs WHERE status = 'done' AND text IS NOT NULL;
