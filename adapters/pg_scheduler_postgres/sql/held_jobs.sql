-- How many of the jobs that should start first are locked by each of these transactions: of the first of each
-- stream, and of the first of all that wait in lanes.
WITH RECURSIVE
-- include: waiting_streams,
-- Who has locked the rows, in the order in which they would be claimed.
locked AS (
    SELECT job.locked_by
    FROM (SELECT * FROM waiting_streams LIMIT (SELECT :most_streams::integer + 1)) AS stream
    CROSS JOIN LATERAL (
        SELECT job.xmax AS locked_by
        FROM :"schema".scheduled_jobs AS job
        WHERE
            -- include: of_stream
            AND job.execution_time <= :NOW
        ORDER BY job.execution_time, job.job_id
        LIMIT (SELECT :most_of_each::integer)
    ) AS job
    UNION ALL
    (
        SELECT job.xmax
        FROM :"schema".scheduled_jobs AS job
        WHERE job.status = 'pending' AND job.lane IS NOT NULL AND job.execution_time <= :NOW
        LIMIT (SELECT :most_streams::integer)
    )
)
SELECT locked.locked_by::text AS xid, pg_catalog.count(*)::integer AS jobs
FROM locked
WHERE locked.locked_by::text = ANY (:xids::text[])
GROUP BY locked.locked_by::text;
