-- What all workers did in the last hour, by queue and task.
SELECT
    moment.now AS moment,
    counted.*
FROM (SELECT :NOW AS now) AS moment
LEFT JOIN (
    SELECT
        minutes.queue,
        minutes.task_name,
        -- include: summed_counts,
        -- include: summed_durations
    FROM :"schema".scheduled_job_minutes AS minutes
    WHERE minutes.minute >= :NOW - interval '1 hour'
    GROUP BY minutes.queue, minutes.task_name
) AS counted ON true
ORDER BY counted.queue, counted.task_name;
