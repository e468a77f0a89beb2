-- A worker tells its likes what it has seen.
SELECT pg_catalog.pg_notify(:channel::text, :payload::text) AS notified;
