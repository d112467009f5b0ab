-- depends: 0032.numbers-in-order-of-sending
-- An erasure outlives the person's row until somebody was told of its end; it knows nobody's name.
CREATE TABLE erasures (
    person_id uuid PRIMARY KEY,
    heir_id   uuid REFERENCES users (id) ON DELETE SET NULL,
    chat_id   bigint NOT NULL,
    random_id bigint NOT NULL,
    asked_at  timestamptz NOT NULL DEFAULT now(),
    erased_at timestamptz
);
CREATE INDEX erasures_of_heirs ON erasures (heir_id);
-- Old rows of the record may go once a later row has the number and hash of the last of them: the chain stays whole.
DROP TRIGGER audit_log_stays ON audit_log;
CREATE OR REPLACE FUNCTION audit_log_stays() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF TG_OP = 'DELETE' THEN
        IF EXISTS (
            SELECT FROM audit_log
            WHERE action = 'cut' AND number > OLD.number AND (details ->> 'up_to')::bigint >= OLD.number
        ) THEN
            RETURN OLD;
        END IF;
    END IF;
    RAISE EXCEPTION 'rows are only added to audit_log';
END $$;
CREATE TRIGGER audit_log_stays BEFORE UPDATE OR DELETE ON audit_log
    FOR EACH ROW EXECUTE FUNCTION audit_log_stays();
CREATE TRIGGER audit_log_is_not_emptied BEFORE TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION audit_log_stays();
CREATE INDEX audit_log_cuts ON audit_log (number) WHERE action = 'cut';
-- What people were told about their data before their first recording, and when they said that they know.
CREATE TABLE consents (
    user_id     uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    version     text NOT NULL,
    text        text NOT NULL,
    shown_at    timestamptz NOT NULL DEFAULT now(),
    accepted_at timestamptz,
    PRIMARY KEY (user_id, version)
);
-- With whom the owner of a recording shares it although the team does not find it.
CREATE TABLE recording_shares (
    recording_id uuid NOT NULL REFERENCES recordings (id) ON DELETE CASCADE,
    person_id    uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    shared_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (recording_id, person_id)
);
CREATE INDEX recording_shares_of_person ON recording_shares (person_id);
