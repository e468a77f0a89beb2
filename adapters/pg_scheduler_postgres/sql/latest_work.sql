-- What all workers did in the last hour, by queue and task; of so many with the most attempts also how long
-- it took.
WITH
-- How much they did.
counted AS MATERIALIZED (
    SELECT
        minutes.queue,
        minutes.task_name,
        -- include: summed_counts
    FROM :"schema".scheduled_job_minutes AS minutes
    WHERE minutes.minute >= :NOW - interval '1 hour'
    GROUP BY minutes.queue, minutes.task_name
),
-- Those in which the most began.
busiest AS MATERIALIZED (
    SELECT counted.queue, counted.task_name
    FROM counted
    ORDER BY counted.started DESC, counted.queue, counted.task_name
    LIMIT (SELECT :durations::integer)
),
-- How long attempts waited and ran there.
lasted AS MATERIALIZED (
    SELECT
        minutes.queue,
        minutes.task_name,
        -- include: summed_durations
    FROM :"schema".scheduled_job_minutes AS minutes
    WHERE minutes.minute >= :NOW - interval '1 hour'
        AND (minutes.queue, minutes.task_name) IN (SELECT busiest.queue, busiest.task_name FROM busiest)
    GROUP BY minutes.queue, minutes.task_name
)
SELECT
    moment.now AS moment,
    counted.*,
    lasted.waits,
    lasted.runs
FROM (SELECT :NOW AS now) AS moment
LEFT JOIN counted ON true
LEFT JOIN lasted ON lasted.queue = counted.queue AND lasted.task_name = counted.task_name
ORDER BY counted.queue, counted.task_name;
