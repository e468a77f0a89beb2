-- Ranks of pending jobs outside lanes, the most urgent first.
other_ranks (priority) AS (
    (
        SELECT job.priority
        FROM :"schema".scheduled_jobs AS job
        WHERE :competing::boolean AND job.status = 'pending' AND job.lane IS NULL
        ORDER BY job.priority
        LIMIT 1
    )
    UNION ALL
    SELECT (
        SELECT job.priority
        FROM :"schema".scheduled_jobs AS job
        WHERE job.status = 'pending' AND job.lane IS NULL AND job.priority > other_ranks.priority
        ORDER BY job.priority
        LIMIT 1
    )
    FROM other_ranks
    WHERE other_ranks.priority IS NOT NULL
),
-- Due jobs outside lanes are only looked at: they take their places in the common order.
competing AS (
    SELECT other_ranks.priority, of_rank.execution_time, of_rank.job_id
    FROM other_ranks
    CROSS JOIN LATERAL (
        SELECT job.execution_time, job.job_id
        FROM :"schema".scheduled_jobs AS job
        WHERE job.status = 'pending'
            AND job.lane IS NULL
            AND job.priority = other_ranks.priority
            AND job.execution_time <= :NOW
            AND job.job_name = ANY (ARRAY(SELECT pg_catalog.unnest(:task_names::text[])))
        -- include: claim_order
        LIMIT (SELECT :limit::integer)
    ) AS of_rank
    WHERE EXISTS (SELECT 1 FROM due_in_lanes WHERE NOT due_in_lanes.is_late)
    LIMIT (SELECT :limit::integer)
)
