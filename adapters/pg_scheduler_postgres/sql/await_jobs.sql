-- Whoever ends these jobs will notify, and keep their rows for a while. Rows that somebody's open transaction
-- holds are left out: no other wait should last as long. A claim that met a row while it was locked here has
-- passed it by and gone to rest, so workers are woken.
WITH
-- Jobs that have not ended and nobody has waited for, locked.
unmarked AS (
    SELECT job.job_id
    FROM :"schema".scheduled_jobs AS job
    WHERE job.job_id = ANY (ARRAY(SELECT pg_catalog.unnest(:job_ids::text[])))
        AND job.status IN ('pending', 'running')
        AND NOT job.awaited
    ORDER BY job.job_id COLLATE "C"
    FOR UPDATE OF job SKIP LOCKED
),
-- They are awaited.
marked AS (
    UPDATE :"schema".scheduled_jobs AS job
    SET awaited = true
    WHERE job.job_id = ANY (ARRAY(SELECT unmarked.job_id FROM unmarked))
    RETURNING job.job_id, job.status, job.lane, job.execution_time
),
-- Claims may have passed them by.
soon AS (
    SELECT marked.lane
    FROM marked
    WHERE marked.status = 'pending'
        AND marked.execution_time
            <= pg_catalog.clock_timestamp()
                + pg_catalog.make_interval(secs => :soon_seconds::double precision)
)
SELECT
    awaited.job_id,
    (
        SELECT pg_catalog.pg_notify(:channel::text, 'due')
        WHERE EXISTS (SELECT 1 FROM soon WHERE soon.lane IS NULL)
    ) AS notified,
    (
        SELECT pg_catalog.pg_notify(:channel::text, 'lane')
        WHERE EXISTS (SELECT 1 FROM soon WHERE soon.lane IS NOT NULL)
    ) AS lane_notified
FROM (
    SELECT marked.job_id
    FROM marked
    UNION ALL
    SELECT job.job_id
    FROM :"schema".scheduled_jobs AS job
    WHERE job.job_id = ANY (ARRAY(SELECT pg_catalog.unnest(:job_ids::text[]))) AND job.awaited
) AS awaited;
