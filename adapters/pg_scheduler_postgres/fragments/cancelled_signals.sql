(
    SELECT pg_catalog.pg_notify(:channel::text, 'cancel')
    WHERE EXISTS (SELECT 1 FROM requested WHERE requested.status = 'running')
) AS notified,
(
    SELECT pg_catalog.pg_notify(:channel::text, 'schedule')
    WHERE EXISTS (
        SELECT 1 FROM requested WHERE requested.status = 'pending' AND requested.schedule_key IS NOT NULL
    )
) AS schedule_notified,
(
    SELECT pg_catalog.count(
        pg_catalog.pg_notify(:finished_channel::text, :target_if_pending::text || ' ' || ended.job_id)
    )
    FROM requested AS ended
    WHERE ended.awaited AND ended.status = 'pending'
) AS finished_notified
