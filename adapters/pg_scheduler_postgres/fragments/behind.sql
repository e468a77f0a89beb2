-- Behind what the next stream is looked for.
CROSS JOIN LATERAL (
    SELECT
        CASE WHEN before.is_served THEN before.queue ELSE
            -- include: next_served
        END AS queue,
        CASE WHEN before.is_served THEN before.job_name ELSE '' END AS job_name,
        CASE
            WHEN NOT before.is_served THEN -2147483648
            WHEN before.is_known THEN before.priority
            ELSE 2147483647
        END AS priority
) AS behind
