-- Statistics of the last days, latest first; of all time where no number is given.
SELECT
    stats.day, stats.deleted_completed, stats.deleted_failed, stats.deleted_cancelled,
    stats.deleted_expired, stats.runs, stats.last_run
FROM :"schema".vacuum_stats AS stats
WHERE :days::integer IS NULL
    OR stats.day > (:NOW AT TIME ZONE 'UTC')::date - :days::integer
ORDER BY stats.day DESC;
