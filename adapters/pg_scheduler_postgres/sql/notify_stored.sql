-- Wake the workers at commit for what was copied in. The second word on lanes comes last: see `payloads.py`.
SELECT
    (
        SELECT pg_catalog.pg_notify(:channel::text, :due::text) WHERE :due::text IS NOT NULL
    ) AS notified,
    (
        SELECT pg_catalog.pg_notify(:channel::text, :lane_due::text) WHERE :lane_due::text IS NOT NULL
    ) AS lane_details_notified,
    (
        SELECT pg_catalog.pg_notify(:channel::text, 'lane') WHERE :lane_due::text IS NOT NULL
    ) AS lane_notified;
