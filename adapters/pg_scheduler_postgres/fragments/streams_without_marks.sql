-- As `streams`, where nobody gives marks.
walk (queue, job_name, priority, is_served, is_known) AS (
    SELECT '' COLLATE "C", '' COLLATE "C", -2147483648, (SELECT :queues::text[]) IS NULL, true
    UNION ALL
    SELECT
        job.queue, job.job_name, job.priority,
        -- include: is_served,
        -- include: is_known
    FROM walk AS before
    -- include: behind
    CROSS JOIN LATERAL (
        -- include: streams_behind
        ORDER BY job.queue, job.job_name COLLATE "C", job.priority
        LIMIT 1
    ) AS job
),
-- Those that the worker takes jobs from, from the first on.
streams AS MATERIALIZED (
    SELECT
        walk.queue, walk.job_name, walk.priority, '-infinity'::timestamptz AS from_time, ''::text AS from_id
    FROM walk
    WHERE -- include: is_claimed_from
)
