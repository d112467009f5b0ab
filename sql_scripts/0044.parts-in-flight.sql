-- depends: 0043.forms-put-aside
-- A part that an engine was given has heard, 0 at first, until it has a result or has failed: when its recording is cancelled or
-- deleted, or its language changes, it was paid for although its result is lost. An engine that tells how far it is costs as
-- much as it has heard.
CREATE OR REPLACE FUNCTION release_limits_of_recording(recording uuid) RETURNS void LANGUAGE sql AS $$
    SELECT end_limit_uses(recording, false, (
        SELECT coalesce(sum((end_s - start_s) * CASE
            WHEN result IS NOT NULL THEN 1
            WHEN heard IS NULL THEN 0
            WHEN heard > 0 THEN heard
            ELSE 1
        END) / sum(end_s - start_s), 0)::numeric
        FROM recording_parts WHERE recording_id = recording AND planned
    ))
$$;

-- Orders of images that were open when reservations of money began have none: each gets its own, and ends it as others do.
INSERT INTO limit_uses (work, resource, owner_id, subject, month, reserved, exact, state)
SELECT id, 'money', owner_id, id, date_trunc('month', now())::date, price_usd, true, 'reserved'
FROM image_orders WHERE quota = 'reserved' AND ended_at IS NULL AND price_usd > 0 AND NOT is_test
ON CONFLICT DO NOTHING;
