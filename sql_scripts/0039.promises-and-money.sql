-- depends: 0038.messages-of-erased-people
-- What came by an erasure from somebody else stays known as that: who erases its heir is told how much there is of it.
ALTER TABLE recordings ADD COLUMN inherited boolean NOT NULL DEFAULT false;
ALTER TABLE report_runs ADD COLUMN inherited boolean NOT NULL DEFAULT false;
ALTER TABLE documents ADD COLUMN inherited boolean NOT NULL DEFAULT false;

-- The text of a document takes the room of whoever loaded it.
ALTER TABLE documents ADD COLUMN size_bytes bigint NOT NULL GENERATED ALWAYS AS (octet_length(text)) STORED;

-- Speeches and orders of images have reservations of money, which end with them.
CREATE FUNCTION end_limits_of_speech() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM end_limit_uses(OLD.id, false, 0);
        RETURN OLD;
    END IF;
    PERFORM end_limit_uses(NEW.id, NEW.sound IS NOT NULL, 0);
    RETURN NEW;
END $$;
CREATE TRIGGER speeches_end_limits AFTER UPDATE OF ended_at ON speeches
    FOR EACH ROW WHEN (NEW.ended_at IS NOT NULL) EXECUTE FUNCTION end_limits_of_speech();
CREATE TRIGGER speeches_end_limits_gone BEFORE DELETE ON speeches
    FOR EACH ROW EXECUTE FUNCTION end_limits_of_speech();

CREATE FUNCTION end_limits_of_image_order() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM end_limit_uses(NEW.id, NEW.quota = 'committed', 0);
    RETURN NEW;
END $$;
CREATE TRIGGER image_orders_end_limits AFTER UPDATE OF quota ON image_orders
    FOR EACH ROW WHEN (NEW.quota <> 'reserved') EXECUTE FUNCTION end_limits_of_image_order();
