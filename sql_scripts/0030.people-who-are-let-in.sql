-- depends: 0029.speeches
-- Invitations, roles that were granted, people who are blocked or off the team, and the record of who changed what.

-- granted is NULL for those whom the settings alone name. left_at is since when a person is no more of the team, blocked
-- or taken out of the settings: nothing is sent to such a person or worked on.
ALTER TABLE users
    ADD COLUMN granted    text CHECK (granted IN ('guest', 'user', 'admin', 'super_admin')),
    ADD COLUMN blocked_at timestamptz,
    ADD COLUMN left_at    timestamptz;

-- Of codes only hashes are here: whoever reads a backup cannot come in by them.
CREATE TABLE invitations (
    number     integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code_hash  bytea NOT NULL UNIQUE CHECK (length(code_hash) = 32),
    role       text NOT NULL CHECK (role IN ('guest', 'user', 'admin')),
    made_by    uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    uses       integer NOT NULL CHECK (uses BETWEEN 1 AND 100),
    used       integer NOT NULL DEFAULT 0 CHECK (used BETWEEN 0 AND uses),
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz
);
CREATE INDEX invitations_expiry ON invitations (expires_at);
CREATE INDEX invitations_maker ON invitations (made_by);

-- Each row has the hash of the row before: whoever changes one has to change all that follow. Ids of people stay after
-- their rows are gone, so nothing refers to users.
CREATE TABLE audit_log (
    number   bigint PRIMARY KEY,
    at       timestamptz NOT NULL,
    actor    uuid,
    action   text NOT NULL,
    subject  uuid,
    details  jsonb NOT NULL,
    previous bytea NOT NULL CHECK (length(previous) = 32),
    hash     bytea NOT NULL CHECK (length(hash) = 32)
);
CREATE FUNCTION audit_log_stays() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    RAISE EXCEPTION 'rows are only added to audit_log';
END $$;
CREATE TRIGGER audit_log_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION audit_log_stays();
