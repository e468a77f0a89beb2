(
    SELECT pg_catalog.pg_notify(
        :channel::text,
        -- include: stored_payload
    )
    FROM stored
    WHERE stored.lane IS NULL
        AND -- include: is_due_soon
    HAVING pg_catalog.count(*) > 0
) AS notified,
(
    SELECT pg_catalog.pg_notify(
        :channel::text,
        -- include: stored_payload
    )
    FROM stored
    WHERE :waits_known::boolean
        AND stored.lane IS NOT NULL
        AND -- include: is_due_soon
    HAVING pg_catalog.count(*) > 0
) AS lane_details_notified,
-- After that, as `payloads.py` has it.
(
    SELECT pg_catalog.pg_notify(:channel::text, 'lane')
    WHERE EXISTS (
        SELECT 1
        FROM stored
        WHERE stored.lane IS NOT NULL
            AND -- include: is_due_soon
    )
) AS lane_notified
