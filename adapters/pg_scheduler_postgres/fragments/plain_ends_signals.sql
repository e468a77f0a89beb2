(SELECT pg_catalog.array_agg(held.job_id) FROM held) AS job_ids,
(SELECT pg_catalog.array_agg(held.epoch) FROM held) AS epochs,
(
    SELECT pg_catalog.pg_notify(:channel::text, 'schedule')
    WHERE EXISTS (SELECT 1 FROM held AS run WHERE run.schedule_key IS NOT NULL)
) AS schedule_notified,
(
    SELECT pg_catalog.pg_notify(:channel::text, 'lane')
    WHERE EXISTS (
        SELECT 1
        FROM held AS run
        JOIN :"schema".scheduled_jobs AS job ON job.job_name = run.job_name AND job.lane = run.lane
        WHERE run.lane IS NOT NULL AND job.status = 'pending' AND job.lane IS NOT NULL
    )
        OR EXISTS (
            SELECT 1
            FROM held AS run
            -- include: waits_for_queue_of
            WHERE run.lane IS NOT NULL
        )
) AS lane_notified
