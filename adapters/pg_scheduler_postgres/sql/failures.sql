-- Failed jobs by what failed in them: the groups that failed last.
WITH RECURSIVE
-- The groups, from the last to the first, each found by one probe, together with its newest job.
groups (error_group, finished_at, job_id) AS (
    (
        SELECT job.error_group, job.finished_at, job.job_id
        FROM :"schema".scheduled_jobs AS job
        WHERE job.status = 'failed' AND job.error_group IS NOT NULL
        ORDER BY job.error_group DESC, job.finished_at DESC, job.job_id DESC
        LIMIT 1
    )
    UNION ALL
    SELECT job.error_group, job.finished_at, job.job_id
    FROM groups AS behind
    CROSS JOIN LATERAL (
        SELECT job.error_group, job.finished_at, job.job_id
        FROM :"schema".scheduled_jobs AS job
        WHERE job.status = 'failed'
            AND job.error_group IS NOT NULL
            AND job.error_group < behind.error_group
        ORDER BY job.error_group DESC, job.finished_at DESC, job.job_id DESC
        LIMIT 1
    ) AS job
),
-- Those that failed last.
latest AS MATERIALIZED (
    SELECT groups.error_group, groups.finished_at, groups.job_id
    FROM groups
    WHERE coalesce(groups.finished_at >= :since::timestamptz, true)
    ORDER BY groups.finished_at DESC, groups.error_group COLLATE "C" DESC
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
