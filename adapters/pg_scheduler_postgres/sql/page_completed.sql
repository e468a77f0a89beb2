-- Completed jobs that match, the newest first: by the time of their end, then id. No index has them in this
-- order, but there is a range for each task: those that ended last are merged.
WITH RECURSIVE
-- include: completed_names,
-- Those tasks whose newest jobs are newest.
runs AS MATERIALIZED (
    SELECT names.job_name, first.finished_at, first.job_id,
        pg_catalog.row_number() OVER (ORDER BY first.finished_at DESC, first.job_id DESC) AS place
    FROM names
    CROSS JOIN LATERAL (
        SELECT job.finished_at, job.job_id
        FROM :"schema".scheduled_jobs AS job
        WHERE job.status = 'completed'
            AND job.job_name = names.job_name
            AND -- include: ended_before
        ORDER BY job.finished_at DESC, job.job_id DESC
        LIMIT 1
    ) AS first
    ORDER BY place
    LIMIT :breadth::integer + 1
),
-- include: page_reach
-- Their newest jobs. Of the first task that is not read, one: all that is newer has been read.
looked (at, job_id, is_last) AS MATERIALIZED (
    SELECT
        job.finished_at,
        job.job_id,
        runs.place > :breadth::integer
            OR pg_catalog.row_number() OVER (
                PARTITION BY runs.place ORDER BY job.finished_at DESC, job.job_id DESC
            ) = (SELECT reach.depth FROM reach)
    FROM runs
    CROSS JOIN LATERAL (
        SELECT job.finished_at, job.job_id
        FROM :"schema".scheduled_jobs AS job
        WHERE job.status = 'completed'
            AND job.job_name = runs.job_name
            AND -- include: ended_before
        ORDER BY job.finished_at DESC, job.job_id DESC
        LIMIT CASE WHEN runs.place > :breadth::integer THEN 1 ELSE (SELECT reach.depth FROM reach) END
    ) AS job
),
-- include: page_end
