-- Due jobs outside lanes are only looked at: they take their places in the common order.
-- include: streams,
-- Nobody looks for them where lanes have nothing to give.
looking AS MATERIALIZED (
    SELECT -- include: depth AS depth
    FROM streams
    WHERE :competing::boolean AND EXISTS (SELECT 1 FROM due_in_lanes WHERE NOT due_in_lanes.is_late)
    HAVING pg_catalog.count(*) > 0
),
-- include: urgent
