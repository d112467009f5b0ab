-- depends: 0019.documents
-- Research: a report over many recordings, which belongs to none of them.

ALTER TABLE report_runs ALTER COLUMN recording_id DROP NOT NULL;
CREATE UNIQUE INDEX report_runs_of_research ON report_runs (owner_id, input_hash) WHERE recording_id IS NULL;

-- recording_ids are those that were to be read when it was ordered; matching counts all that its scope had then. Who may
-- still be read is asked from recordings when the work begins.
CREATE TABLE research_runs (
    run_id        uuid PRIMARY KEY REFERENCES report_runs (id) ON DELETE CASCADE,
    question      text NOT NULL,
    scope         jsonb NOT NULL,
    recording_ids uuid[] NOT NULL,
    matching      integer NOT NULL
);

-- Answers of the language model to questions about several recordings; those about one are in report_passes. An answer
-- that is here is never paid for again.
CREATE TABLE research_answers (
    run_id            uuid NOT NULL REFERENCES research_runs (run_id) ON DELETE CASCADE,
    input_hash        text NOT NULL,
    pass_name         text NOT NULL,
    model             text NOT NULL,
    output            text NOT NULL,
    prompt_tokens     bigint NOT NULL,
    completion_tokens bigint NOT NULL,
    duration_s        double precision NOT NULL,
    created_at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run_id, input_hash)
);

-- What a research quotes stands in the transcripts, where questions find it.
DROP TRIGGER note_report ON report_runs;
CREATE TRIGGER note_report AFTER INSERT OR UPDATE OF status, text ON report_runs
    FOR EACH ROW WHEN (NEW.status = 'done' AND NEW.text IS NOT NULL AND NEW.recording_id IS NOT NULL)
    EXECUTE FUNCTION note_report();
