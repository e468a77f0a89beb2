-- What all workers did, minute by minute: of the last hour, or since then.
SELECT
    moment.now AS moment,
    counted.*
FROM (SELECT :NOW AS now) AS moment
LEFT JOIN (
    SELECT
        minutes.minute,
        -- include: summed_counts
    FROM :"schema".scheduled_job_minutes AS minutes
    WHERE minutes.minute >= coalesce(:since::timestamptz, :NOW - interval '1 hour')
        AND (:queue::text IS NULL OR minutes.queue = :queue::text)
        AND (:task_name::text IS NULL OR minutes.task_name = :task_name::text)
    GROUP BY minutes.minute
) AS counted ON true
ORDER BY counted.minute;
