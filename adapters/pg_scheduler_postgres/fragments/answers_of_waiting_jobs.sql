-- Who hears of it.
signals AS MATERIALIZED (
    SELECT
        pg_catalog.pg_notify(:channel::text, 'due') AS notified,
        pg_catalog.pg_notify(:channel::text, 'lane') AS lane_notified
    WHERE EXISTS (SELECT 1 FROM requested)
)
SELECT answer.*, signals.*
FROM (
    -- include: change_answers
) AS answer
LEFT JOIN signals ON true
