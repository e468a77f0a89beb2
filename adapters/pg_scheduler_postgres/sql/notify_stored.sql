-- Wake the workers at commit for what was copied in.
SELECT
    (SELECT pg_catalog.pg_notify(:channel::text, 'due') WHERE :due::boolean) AS notified,
    (SELECT pg_catalog.pg_notify(:channel::text, 'lane') WHERE :lane_due::boolean) AS lane_notified;
