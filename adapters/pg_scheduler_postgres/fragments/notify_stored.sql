(
    SELECT pg_catalog.pg_notify(:channel::text, 'due')
    WHERE EXISTS (
        SELECT 1
        FROM stored
        WHERE stored.lane IS NULL
            AND stored.execution_time
                <= :WALL_CLOCK + pg_catalog.make_interval(secs => :soon_seconds::double precision)
    )
) AS notified,
(
    SELECT pg_catalog.pg_notify(:channel::text, 'lane')
    WHERE EXISTS (
        SELECT 1
        FROM stored
        WHERE stored.lane IS NOT NULL
            AND stored.execution_time
                <= :WALL_CLOCK + pg_catalog.make_interval(secs => :soon_seconds::double precision)
    )
) AS lane_notified
