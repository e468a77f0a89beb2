-- Where earlier claims ended: nothing that is to be claimed stands before, in the stream of each.
marks (queue, job_name, priority, execution_time, job_id) AS MATERIALIZED (
    SELECT
        mark.queue COLLATE "C", mark.job_name COLLATE "C", mark.priority, mark.execution_time,
        mark.job_id COLLATE "C"
    FROM unnest(
        (SELECT :mark_queues::text[]), (SELECT :mark_tasks::text[]), (SELECT :mark_ranks::integer[]),
        (SELECT :mark_times::timestamptz[]), (SELECT :mark_ids::text[])
    ) AS mark (queue, job_name, priority, execution_time, job_id)
),
-- Streams: the jobs of one queue, task and rank that wait outside lanes, in order of time. Each is found by
-- one probe of the index, whatever stands in the one before. What the worker does not take is passed by: the
-- other ranks of a task that it does not know, and all that stands before the next queue that it serves.
-- While a transaction somewhere stays open, what was claimed since stands in the index as entries that nobody
-- can remove, and a probe would step over all of them: streams with a mark are believed to have jobs
-- without looking for the first, and are read from their mark on.
walk (queue, job_name, priority, is_served, is_known) AS (
    SELECT '' COLLATE "C", '' COLLATE "C", -2147483648, (SELECT :queues::text[]) IS NULL, true
    UNION ALL
    SELECT
        job.queue, job.job_name, job.priority,
        -- include: is_served,
        -- include: is_known
    FROM walk AS before
    -- include: behind
    -- The next stream with a mark.
    LEFT JOIN LATERAL (
        SELECT marks.queue, marks.job_name, marks.priority
        FROM marks
        WHERE (marks.queue, marks.job_name, marks.priority) > (behind.queue, behind.job_name, behind.priority)
        ORDER BY marks.queue, marks.job_name, marks.priority
        LIMIT 1
    ) AS marked ON true
    CROSS JOIN LATERAL (
        (
            -- include: streams_behind
                AND marked.queue IS NULL
            ORDER BY job.queue, job.job_name COLLATE "C", job.priority
            LIMIT 1
        )
        UNION ALL
        (
            SELECT first.queue, first.job_name, first.priority
            FROM (
                (
                    -- include: streams_behind
                        AND (job.queue, job.job_name COLLATE "C", job.priority)
                            < (marked.queue, marked.job_name, marked.priority)
                    ORDER BY job.queue, job.job_name COLLATE "C", job.priority
                    LIMIT 1
                )
                UNION ALL
                SELECT marked.queue, marked.job_name, marked.priority
            ) AS first
            WHERE marked.queue IS NOT NULL
            ORDER BY first.queue, first.job_name, first.priority
            LIMIT 1
        )
    ) AS job
),
-- Those that the worker takes jobs from, and from where on each is read.
streams AS MATERIALIZED (
    SELECT
        walk.queue, walk.job_name, walk.priority,
        coalesce(marks.execution_time, '-infinity') AS from_time,
        coalesce(marks.job_id, '') AS from_id
    FROM walk
    LEFT JOIN marks USING (queue, job_name, priority)
    WHERE -- include: is_claimed_from
)
