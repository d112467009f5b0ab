-- depends: 0033.people-who-are-erased
-- Limits of roles and people, and what people have used of them.

-- A role without a row has no limit. A person's own row comes before that of the role; without an amount it lifts it.
-- Amounts are seconds of sound, tokens, US dollars, questions, bytes.
CREATE TABLE role_limits (
    role     text NOT NULL CHECK (role IN ('guest', 'user', 'admin')),
    resource text NOT NULL CHECK (resource IN ('sound', 'tokens', 'money', 'questions', 'storage')),
    amount   numeric NOT NULL CHECK (amount >= 0),
    PRIMARY KEY (role, resource)
);
CREATE TABLE person_limits (
    person   uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    resource text NOT NULL CHECK (resource IN ('sound', 'tokens', 'money', 'questions', 'storage')),
    amount   numeric CHECK (amount >= 0),
    PRIMARY KEY (person, resource)
);

-- One row for a piece of work and what it takes, however often it is tried: while it is reserved the greater of both
-- amounts counts, then what was used. Work that is exact has used what was reserved once it is done; else used is counted
-- as it is paid. Rows outlive their subject, a recording, report run or answer: a deletion gives nothing back that was used.
CREATE TABLE limit_uses (
    work     uuid NOT NULL,
    resource text NOT NULL CHECK (resource IN ('sound', 'tokens', 'money', 'questions')),
    owner_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    subject  uuid NOT NULL,
    month    date NOT NULL,
    reserved numeric NOT NULL CHECK (reserved >= 0),
    used     numeric NOT NULL DEFAULT 0 CHECK (used >= 0),
    exact    boolean NOT NULL,
    state    text NOT NULL CHECK (state IN ('reserved', 'done', 'released')),
    at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (work, resource)
);
CREATE INDEX limit_uses_counted ON limit_uses (owner_id, month, resource);
CREATE INDEX limit_uses_of_month ON limit_uses (month);
CREATE INDEX limit_uses_old ON limit_uses (at);
CREATE INDEX limit_uses_reserved ON limit_uses (subject) WHERE state = 'reserved';

-- Whatever ends work ends its reservation in the same transaction. share is how much of it was paid, 0 to 1.
CREATE FUNCTION end_limit_uses(ended uuid, is_done boolean, share numeric) RETURNS void LANGUAGE sql AS $$
    UPDATE limit_uses SET
        state = CASE WHEN is_done THEN 'done' ELSE 'released' END,
        used = CASE WHEN NOT exact THEN used WHEN is_done THEN reserved ELSE greatest(used, reserved * share) END
    WHERE subject = ended AND state = 'reserved'
$$;

CREATE FUNCTION release_limits_of_recording(recording uuid) RETURNS void LANGUAGE sql AS $$
    SELECT end_limit_uses(recording, false, (
        SELECT coalesce(sum(end_s - start_s) FILTER (WHERE result IS NOT NULL) / sum(end_s - start_s), 0)::numeric
        FROM recording_parts WHERE recording_id = recording AND planned
    ))
$$;
CREATE FUNCTION end_limits_of_recording() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM release_limits_of_recording(OLD.id);
        RETURN OLD;
    ELSIF NEW.language_requested IS DISTINCT FROM OLD.language_requested
        OR (NEW.error_code IS NOT NULL AND NEW.retry_at IS NULL)
    THEN
        PERFORM release_limits_of_recording(NEW.id);
    ELSIF NEW.stage NOT IN ('stored', 'prepared') THEN
        PERFORM end_limit_uses(NEW.id, true, 1);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER recordings_end_limits AFTER UPDATE OF stage, error_code, retry_at, language_requested ON recordings
    FOR EACH ROW WHEN (
        (OLD.stage, OLD.error_code, OLD.retry_at, OLD.language_requested)
            IS DISTINCT FROM (NEW.stage, NEW.error_code, NEW.retry_at, NEW.language_requested)
    ) EXECUTE FUNCTION end_limits_of_recording();
CREATE TRIGGER recordings_end_limits_gone BEFORE DELETE ON recordings
    FOR EACH ROW EXECUTE FUNCTION end_limits_of_recording();

CREATE FUNCTION end_limits() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM end_limit_uses(OLD.id, false, 0);
        RETURN OLD;
    END IF;
    PERFORM end_limit_uses(NEW.id, NEW.status = 'done', 0);
    RETURN NEW;
END $$;
CREATE TRIGGER report_runs_end_limits AFTER UPDATE OF status ON report_runs
    FOR EACH ROW WHEN (NEW.status IN ('done', 'failed', 'cancelled')) EXECUTE FUNCTION end_limits();
CREATE TRIGGER report_runs_end_limits_gone BEFORE DELETE ON report_runs FOR EACH ROW EXECUTE FUNCTION end_limits();
CREATE TRIGGER chat_answers_end_limits AFTER UPDATE OF status ON chat_answers
    FOR EACH ROW WHEN (NEW.status IN ('done', 'failed')) EXECUTE FUNCTION end_limits();
CREATE TRIGGER chat_answers_end_limits_gone BEFORE DELETE ON chat_answers FOR EACH ROW EXECUTE FUNCTION end_limits();
