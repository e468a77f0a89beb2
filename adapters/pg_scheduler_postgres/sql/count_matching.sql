-- How many jobs match: of each part, for which there is an index, so many are looked at and no more.
WITH RECURSIVE
-- include: completed_names,
-- include: streams_backwards,
-- The parts; those without the statuses that are wanted are not read.
looked (part, is_wanted) AS (
    (
        SELECT 'completed', of_name.is_wanted
        FROM names
        CROSS JOIN LATERAL (
            SELECT -- include: is_selected AS is_wanted
            FROM :"schema".scheduled_jobs AS job
            WHERE job.status = 'completed'
                AND job.job_name = names.job_name
                AND -- include: ended_between
            LIMIT :most::integer
        ) AS of_name
        WHERE 'completed' = ANY (:statuses::text[])
        LIMIT :most::integer
    )
    UNION ALL
    (
        SELECT 'unsuccessful', job.status = ANY (:statuses::text[]) AND -- include: is_selected
        FROM :"schema".scheduled_jobs AS job
        WHERE job.status IN ('failed', 'cancelled', 'expired')
            AND -- include: ended_between
            AND :error_group::text IS NULL
            AND (
                'failed' = ANY (:statuses::text[])
                OR 'cancelled' = ANY (:statuses::text[])
                OR 'expired' = ANY (:statuses::text[])
            )
        ORDER BY job.finished_at DESC, job.job_id DESC
        LIMIT :most::integer
    )
    UNION ALL
    (
        SELECT 'failed alike', -- include: is_selected
        FROM :"schema".scheduled_jobs AS job
        WHERE job.status = 'failed'
            AND job.error_group IS NOT NULL
            AND job.error_group = :error_group::text
            AND -- include: ended_between
            AND 'failed' = ANY (:statuses::text[])
        LIMIT :most::integer
    )
    UNION ALL
    (
        SELECT 'running', -- include: is_selected
        FROM :"schema".scheduled_jobs AS job
        WHERE job.status = 'running'
            AND 'running' = ANY (:statuses::text[])
            AND -- include: due_between
        LIMIT :most::integer
    )
    UNION ALL
    (
        SELECT 'waiting', -- include: is_selected
        FROM :"schema".scheduled_jobs AS job
        WHERE job.status = 'pending'
            AND job.lane IS NULL
            AND job.queue >= :first_queue::text
            AND job.queue <= :last_queue::text
            AND -- include: due_between
            AND :task_name::text IS NULL
            AND :key::text IS NULL
            AND 'pending' = ANY (:statuses::text[])
        -- In an order that an index has: else the whole table may be read for those that stand at its end.
        ORDER BY job.queue, job.job_name COLLATE "C", job.priority, job.execution_time, job.job_id
        LIMIT :most::integer
    )
    UNION ALL
    (
        SELECT 'waiting of a task', of_stream.is_wanted
        FROM streams AS stream
        CROSS JOIN LATERAL (
            SELECT -- include: is_selected AS is_wanted
            FROM :"schema".scheduled_jobs AS job
            WHERE
                -- include: of_stream
                AND -- include: due_between
            LIMIT :most::integer
        ) AS of_stream
        WHERE :task_name::text IS NOT NULL
            AND stream.job_name = :task_name::text
            AND :key::text IS NULL
            AND 'pending' = ANY (:statuses::text[])
        LIMIT :most::integer
    )
    UNION ALL
    (
        SELECT 'waiting with a key', -- include: is_selected
        FROM :"schema".scheduled_jobs AS job
        WHERE job.dedupe_key = :key::text
            AND job.status = 'pending'
            AND job.lane IS NULL
            AND -- include: due_between
            AND 'pending' = ANY (:statuses::text[])
    )
    UNION ALL
    (
        SELECT 'in lanes', -- include: is_selected
        FROM :"schema".scheduled_jobs AS job
        WHERE job.status = 'pending'
            AND job.lane IS NOT NULL
            AND -- include: due_between
            AND 'pending' = ANY (:statuses::text[])
        ORDER BY job.execution_time DESC, job.job_id DESC
        LIMIT :most::integer
    )
)
SELECT
    :NOW AS moment,
    coalesce(pg_catalog.sum(part.found), 0)::integer AS found,
    coalesce(pg_catalog.bool_and(part.looked < :most::integer), true) AS is_exact
FROM (
    SELECT
        pg_catalog.count(*) AS looked,
        pg_catalog.count(*) FILTER (WHERE looked.is_wanted) AS found
    FROM looked
    GROUP BY looked.part
) AS part;
