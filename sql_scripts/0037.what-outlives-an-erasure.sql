-- depends: 0036.orders-that-may-be-paid
-- What was promised to an heir, or decided about a person, outlives the erasure.

-- An heir may have the same bytes, with other reports and corrections. Whoever stores a recording locks the owner first.
ALTER TABLE recordings DROP CONSTRAINT recordings_owner_id_sha256_key;
CREATE INDEX recordings_of_bytes ON recordings (owner_id, sha256);

-- What was decided about a person who is erased now: a role that was lowered, a block. What the heir is told of: how much
-- there was of each kind.
ALTER TABLE erasures
    ADD COLUMN gives       jsonb,
    ADD COLUMN role_stays  text CHECK (role_stays IN ('guest', 'user', 'admin')),
    ADD COLUMN block_stays boolean NOT NULL DEFAULT false;
-- Nobody is here for whom nothing was decided. The row becomes part of the person's when they come back.
CREATE TABLE erased_people (
    telegram_id bigint PRIMARY KEY,
    granted     text CHECK (granted IN ('guest', 'user', 'admin')),
    is_blocked  boolean NOT NULL,
    limits      jsonb NOT NULL
);
-- What counts of the month for who comes back in it; resource is one of limit_uses or the kind of an image order.
CREATE TABLE erased_uses (
    telegram_id bigint NOT NULL,
    resource    text NOT NULL,
    month       date NOT NULL,
    amount      numeric NOT NULL,
    PRIMARY KEY (telegram_id, resource, month)
);
CREATE FUNCTION come_back_as_decided() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE kept erased_people; BEGIN
    SELECT * INTO kept FROM erased_people WHERE telegram_id = NEW.telegram_id;
    IF FOUND THEN
        NEW.granted := coalesce(kept.granted, NEW.granted);
        NEW.role := coalesce(kept.granted, NEW.role);
        IF kept.is_blocked THEN
            NEW.blocked_at := now();
            NEW.left_at := now();
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER users_come_back BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION come_back_as_decided();
CREATE FUNCTION come_back_with_limits() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO person_limits (person, resource, amount)
    SELECT NEW.id, own.key, own.value::numeric
    FROM erased_people, jsonb_each_text(limits) AS own WHERE telegram_id = NEW.telegram_id;
    DELETE FROM erased_people WHERE telegram_id = NEW.telegram_id;
    RETURN NEW;
END $$;
CREATE TRIGGER users_come_back_with_limits AFTER INSERT ON users
    FOR EACH ROW EXECUTE FUNCTION come_back_with_limits();
