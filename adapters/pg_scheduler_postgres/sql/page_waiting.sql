-- Pending jobs outside lanes that match, the newest first: by the time at which they are due, then id. No
-- index has them in this order, but there is a range for each stream: those with the newest jobs are merged.
WITH RECURSIVE
-- include: streams_backwards,
-- Those of them whose newest jobs are newest. Only of a stream that reaches beyond the place where the page
-- begins it has to be looked for.
runs AS MATERIALIZED (
    SELECT stream.queue, stream.job_name, stream.priority, first.execution_time, first.job_id,
        pg_catalog.row_number() OVER (ORDER BY first.execution_time DESC, first.job_id DESC) AS place
    FROM streams AS stream
    CROSS JOIN LATERAL (
        SELECT stream.execution_time, stream.job_id
        WHERE (stream.execution_time, stream.job_id) < (:at::text::timestamptz, :at_id::text)
            AND stream.execution_time >= :since::text::timestamptz
        UNION ALL
        (
            SELECT job.execution_time, job.job_id
            FROM :"schema".scheduled_jobs AS job
            WHERE
                -- include: of_stream
                AND -- include: due_before
                AND (stream.execution_time, stream.job_id) >= (:at::text::timestamptz, :at_id::text)
            ORDER BY job.execution_time DESC, job.job_id DESC
            LIMIT 1
        )
    ) AS first
    WHERE :task_name::text IS NULL OR stream.job_name = :task_name::text
    ORDER BY place
    LIMIT :breadth::integer + 1
),
-- include: page_reach
-- Their newest jobs. Of the first stream that is not read, one: all that is newer has been read.
looked (at, job_id, is_last) AS MATERIALIZED (
    SELECT
        job.execution_time,
        job.job_id,
        stream.place > :breadth::integer
            OR pg_catalog.row_number() OVER (
                PARTITION BY stream.place ORDER BY job.execution_time DESC, job.job_id DESC
            ) = (SELECT reach.depth FROM reach)
    FROM runs AS stream
    CROSS JOIN LATERAL (
        SELECT job.execution_time, job.job_id
        FROM :"schema".scheduled_jobs AS job
        WHERE
            -- include: of_stream
            AND -- include: due_before
        ORDER BY job.execution_time DESC, job.job_id DESC
        LIMIT CASE WHEN stream.place > :breadth::integer THEN 1 ELSE (SELECT reach.depth FROM reach) END
    ) AS job
),
-- include: page_end
