-- depends: 0044.parts-in-flight
-- Money that the service takes, or may take, for a training or picture counts against its person's limit although
-- nothing usable came of it; its place in the month is given back as before.
CREATE OR REPLACE FUNCTION end_limits_of_image_order() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM end_limit_uses(NEW.id, NEW.paid <> 'no', 0);
    RETURN NEW;
END $$;
