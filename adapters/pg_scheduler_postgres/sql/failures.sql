-- Failed jobs by what failed in them: the groups that failed last. The jobs that ended last are mostly of as
-- many groups as are wanted; only where one kind floods all others is each group looked for, so many at most.
WITH RECURSIVE
-- The jobs that did not succeed and ended last.
ended AS MATERIALIZED (
    SELECT job.status, job.job_name, job.error_group, job.finished_at, job.job_id
    FROM :"schema".scheduled_jobs AS job
    WHERE job.status IN ('failed', 'cancelled', 'expired') AND job.finished_at IS NOT NULL
    ORDER BY job.finished_at DESC, job.job_id DESC
    LIMIT :most_searched::integer
),
-- Their groups, each with its newest job.
newest AS MATERIALIZED (
    SELECT DISTINCT ON (ended.error_group) ended.error_group, ended.finished_at, ended.job_id
    FROM ended
    WHERE ended.status = 'failed'
        AND ended.error_group IS NOT NULL
        AND coalesce(ended.job_name = :task_name::text, :task_name::text IS NULL)
    ORDER BY ended.error_group, ended.finished_at DESC, ended.job_id DESC
),
-- Whether these are all that are wanted: there are enough, or what was not looked at is of no use.
enough AS MATERIALIZED (
    SELECT
        (SELECT pg_catalog.count(*) FROM newest) >= :limit::integer
        OR pg_catalog.count(*) < :most_searched::integer
        OR coalesce(pg_catalog.min(ended.finished_at) < :since::timestamptz, false) AS are_all
    FROM ended
),
-- Else all groups, each found by one probe, together with its newest job.
groups (error_group, job_name, finished_at, job_id) AS (
    (
        SELECT job.error_group, job.job_name, job.finished_at, job.job_id
        FROM :"schema".scheduled_jobs AS job
        WHERE job.status = 'failed'
            AND job.error_group IS NOT NULL
            AND NOT (SELECT enough.are_all FROM enough)
        ORDER BY job.error_group DESC, job.finished_at DESC, job.job_id DESC
        LIMIT 1
    )
    UNION ALL
    SELECT job.error_group, job.job_name, job.finished_at, job.job_id
    FROM groups AS behind
    CROSS JOIN LATERAL (
        SELECT job.error_group, job.job_name, job.finished_at, job.job_id
        FROM :"schema".scheduled_jobs AS job
        WHERE job.status = 'failed'
            AND job.error_group IS NOT NULL
            AND job.error_group < behind.error_group
        ORDER BY job.error_group DESC, job.finished_at DESC, job.job_id DESC
        LIMIT 1
    ) AS job
),
-- All that were found; of a group its newest job.
found AS MATERIALIZED (
    SELECT newest.error_group, newest.finished_at, newest.job_id
    FROM newest
    UNION
    SELECT groups.error_group, groups.finished_at, groups.job_id
    FROM (SELECT * FROM groups LIMIT (SELECT :most_searched::integer)) AS groups
    WHERE coalesce(groups.job_name = :task_name::text, :task_name::text IS NULL)
),
-- Those that failed last.
latest AS MATERIALIZED (
    SELECT found.error_group, found.finished_at, found.job_id
    FROM found
    WHERE coalesce(found.finished_at >= :since::timestamptz, true)
    ORDER BY found.finished_at DESC, found.error_group COLLATE "C" DESC
    LIMIT :limit::integer
)
SELECT
    :NOW AS moment,
    latest.error_group,
    latest.finished_at AS last,
    latest.job_id,
    job.job_name,
    job.error_type,
    job.error_frame,
    job.error_message,
    oldest.finished_at AS first,
    counted.failures,
    counted.last_hour,
    counted.hour_before,
    counted.last_day
FROM (SELECT 1) AS one
LEFT JOIN latest ON true
LEFT JOIN :"schema".scheduled_jobs AS job ON job.job_id = latest.job_id
LEFT JOIN LATERAL (
    SELECT first.finished_at
    FROM :"schema".scheduled_jobs AS first
    WHERE first.status = 'failed' AND first.error_group IS NOT NULL AND first.error_group = latest.error_group
    ORDER BY first.finished_at
    LIMIT 1
) AS oldest ON true
LEFT JOIN LATERAL (
    SELECT
        pg_catalog.count(*)::integer AS failures,
        pg_catalog.count(*) FILTER (
            WHERE one.finished_at > :NOW - interval '1 hour'
        )::integer AS last_hour,
        pg_catalog.count(*) FILTER (
            WHERE one.finished_at <= :NOW - interval '1 hour' AND one.finished_at > :NOW - interval '2 hours'
        )::integer AS hour_before,
        pg_catalog.count(*) FILTER (
            WHERE one.finished_at > :NOW - interval '1 day'
        )::integer AS last_day
    FROM (
        SELECT job.finished_at
        FROM :"schema".scheduled_jobs AS job
        WHERE job.status = 'failed'
            AND job.error_group IS NOT NULL
            AND job.error_group = latest.error_group
        ORDER BY job.finished_at DESC
        LIMIT :most::integer
    ) AS one
) AS counted ON true
ORDER BY latest.finished_at DESC, latest.error_group COLLATE "C" DESC;
