-- Workers look which of their jobs should stop, or have lost their leases.
SELECT pg_catalog.pg_notify(:channel::text, 'cancel') AS notified;
