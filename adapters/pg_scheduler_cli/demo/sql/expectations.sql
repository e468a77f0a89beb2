-- What must be true after the demo, each with what was found. $1 is the id of the worker that was killed.
SELECT claim, coalesce(held, false) AS held, found
FROM (
    SELECT
        1 AS position,
        'every job has ended' AS claim,
        count(*) = 0 AS held,
        string_agg(job_id || ' ' || status, ', ') AS found
    FROM scheduled_jobs
    WHERE status IN ('pending', 'running')
    UNION ALL
    SELECT
        2,
        'the job for now ran and left its result',
        bool_and(status = 'completed' AND result = '"hello world"'),
        string_agg(status || ' ' || coalesce(result::text, ''), ', ')
    FROM scheduled_jobs
    WHERE job_id = 'greeting'
    UNION ALL
    SELECT
        3,
        'twenty jobs for an instant ran, none before its time, the 99th percentile within a second',
        count(*) FILTER (WHERE status = 'completed' AND started_at >= execution_time) = 20
            AND percentile_cont(0.99) WITHIN GROUP (
                ORDER BY extract(EPOCH FROM started_at - execution_time)
            ) < 1,
        count(*) || ', from ' || min(started_at - execution_time) || ' to '
            || max(started_at - execution_time) || ' late'
    FROM scheduled_jobs
    WHERE job_name = 'remind'
    UNION ALL
    SELECT
        4,
        'of sixteen jobs for one instant the critical ones started before the low ones',
        count(*) FILTER (WHERE status = 'completed') = 16
            AND max(started_at) FILTER (WHERE priority = 1) < min(started_at) FILTER (WHERE priority = 8),
        string_agg(priority::text, ' ' ORDER BY started_at)
    FROM scheduled_jobs
    WHERE job_name = 'answer_call'
    UNION ALL
    SELECT
        5,
        'three hundred jobs of one call completed, each in one attempt',
        count(*) FILTER (WHERE status = 'completed' AND attempt_count = 1 + crash_count) = 300,
        count(*) || ' jobs, ' || count(*) FILTER (WHERE status = 'completed') || ' completed, '
            || sum(attempt_count) || ' attempts'
    FROM scheduled_jobs
    WHERE job_name = 'send_newsletter'
    UNION ALL
    SELECT
        6,
        'the payment failed twice, each time with a traceback in its history, and then completed',
        bool_and(job.status = 'completed' AND job.retry_count = 2)
            AND count(*) FILTER (WHERE history.outcome = 'retry' AND history.traceback LIKE '%bank%') = 2,
        min(job.status) || ', ' || min(job.retry_count) || ' retries'
    FROM scheduled_jobs AS job
    LEFT JOIN scheduled_job_attempts AS history USING (job_id)
    WHERE job_id = 'payment'
    UNION ALL
    SELECT
        7,
        'the parcel failed for good after one retry, and says why',
        bool_and(status = 'failed' AND retry_count = 1 AND error_message LIKE 'ValueError: no such street%'),
        string_agg(status || ': ' || coalesce(error_message, ''), ', ')
    FROM scheduled_jobs
    WHERE job_id = 'parcel'
    UNION ALL
    SELECT
        8,
        'the import was cancelled while it ran',
        bool_and(job.status = 'cancelled') AND bool_or(history.outcome = 'cancelled'),
        min(job.status)
    FROM scheduled_jobs AS job
    LEFT JOIN scheduled_job_attempts AS history USING (job_id)
    WHERE job_id = 'import'
    UNION ALL
    SELECT
        9,
        'the plain function ran in a thread of its own',
        bool_and(status = 'completed' AND result <> '"MainThread"'),
        string_agg(status || ' in ' || coalesce(result::text, 'nothing'), ', ')
    FROM scheduled_jobs
    WHERE job_id = 'photo'
    UNION ALL
    SELECT
        10,
        'the CPU work ran in a process of its own, and counted 9592 primes',
        bool_and(
            status = 'completed'
            AND result ->> 'primes' = '9592'
            AND result ->> 'pid' NOT IN (SELECT pid::text FROM scheduled_job_workers)
        ),
        string_agg(status || ' ' || coalesce(result::text, ''), ', ')
    FROM scheduled_jobs
    WHERE job_id = 'primes'
    UNION ALL
    SELECT
        11,
        'arguments of rich types came back as they were sent',
        bool_and(
            status = 'completed'
            AND result = '["UUID", "Decimal", "date", "datetime", "timedelta", "Terms", "bytes", "tuple"]'
        ),
        string_agg(status || ' ' || coalesce(result::text, error_message, ''), ', ')
    FROM scheduled_jobs
    WHERE job_id = 'invoice'
    UNION ALL
    SELECT
        12,
        'the committed order has its job, the rolled back order left none',
        array_agg(job_id || ' ' || status) = ARRAY ['order-1 completed']
            AND (SELECT array_agg(id) FROM orders) = ARRAY [1],
        string_agg(job_id || ' ' || status, ', ')
    FROM scheduled_jobs
    WHERE job_name = 'confirm_order'
    UNION ALL
    SELECT
        13,
        'the killed worker''s report was recovered and completed by another worker',
        bool_and(job.status = 'completed' AND job.crash_count >= 1 AND job.worker_id <> $1::text)
            AND bool_or(history.outcome = 'lost' AND history.worker_id = $1::text),
        string_agg(
            job.status || ', ' || job.crash_count || ' crashes, by ' || coalesce(job.worker_id, 'nobody')
                || ', lost by ' || coalesce(history.worker_id, 'nobody'),
            '; '
        )
    FROM scheduled_jobs AS job
    LEFT JOIN scheduled_job_attempts AS history USING (job_id)
    WHERE job_id = 'report'
) AS expectations
ORDER BY position;
