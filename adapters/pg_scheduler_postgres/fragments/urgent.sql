-- The most urgent due jobs of all streams, as many as may be taken: `urgent` looks, and locks nothing. Each
-- stream is read a little way (`looking.depth`, of a table that is empty where nobody needs to know), and
-- then those that turn out to have more that is wanted, as far as that.
glimpse AS MATERIALIZED (
    SELECT
        stream.queue, stream.job_name, stream.priority, due.execution_time, due.job_id,
        pg_catalog.row_number() OVER (
            PARTITION BY stream.queue, stream.job_name, stream.priority
            ORDER BY due.execution_time, due.job_id
        ) AS place
    FROM looking
    CROSS JOIN streams AS stream
    CROSS JOIN LATERAL (
        SELECT job.execution_time, job.job_id
        FROM :"schema".scheduled_jobs AS job
        WHERE
            -- include: of_stream
            AND job.execution_time <= :NOW
            AND (job.execution_time, job.job_id) >= (stream.from_time, stream.from_id)
        ORDER BY job.execution_time, job.job_id
        LIMIT looking.depth
    ) AS due
),
-- At or before this one stand all that are wanted; it is missing where even all of them are too few.
last_wanted AS MATERIALIZED (
    SELECT glimpse.priority, glimpse.execution_time, glimpse.job_id
    FROM glimpse
    -- include: claim_order
    LIMIT 1
    OFFSET (SELECT :limit::integer - 1)
),
-- Those, in the common order.
urgent AS MATERIALIZED (
    SELECT sight.queue, sight.job_name, sight.priority, sight.execution_time, sight.job_id
    FROM (
        SELECT glimpse.queue, glimpse.job_name, glimpse.priority, glimpse.execution_time, glimpse.job_id
        FROM glimpse
        UNION ALL
        -- The rest of streams that were not read to their end.
        SELECT
            stream.queue, stream.job_name, stream.priority, further.execution_time, further.job_id
        FROM looking
        JOIN glimpse AS stream ON stream.place = looking.depth
        LEFT JOIN last_wanted ON true
        CROSS JOIN LATERAL (
            SELECT job.execution_time, job.job_id
            FROM :"schema".scheduled_jobs AS job
            WHERE
                -- include: of_stream
                AND job.execution_time <= :NOW
                AND (job.execution_time, job.job_id) > (stream.execution_time, stream.job_id)
                AND (job.priority, job.execution_time, job.job_id) <= (
                    coalesce(last_wanted.priority, 2147483647),
                    coalesce(last_wanted.execution_time, 'infinity'),
                    coalesce(last_wanted.job_id, '')
                )
            ORDER BY job.execution_time, job.job_id
            LIMIT (SELECT :limit::integer)
        ) AS further
        WHERE last_wanted.priority IS NULL
            OR (stream.priority, stream.execution_time, stream.job_id)
                < (last_wanted.priority, last_wanted.execution_time, last_wanted.job_id)
    ) AS sight
    -- include: claim_order
    LIMIT (SELECT :limit::integer)
)
