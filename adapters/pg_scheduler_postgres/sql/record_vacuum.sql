-- Add one run of retention to the statistics of its day (UTC).
INSERT INTO :"schema".vacuum_stats AS stats (
    day, deleted_completed, deleted_failed, deleted_cancelled, deleted_expired, runs, last_run
)
VALUES (
    (:NOW AT TIME ZONE 'UTC')::date,
    :completed::bigint, :failed::bigint, :cancelled::bigint, :expired::bigint, 1,
    :NOW
)
ON CONFLICT (day) DO UPDATE SET
    deleted_completed = stats.deleted_completed + EXCLUDED.deleted_completed,
    deleted_failed = stats.deleted_failed + EXCLUDED.deleted_failed,
    deleted_cancelled = stats.deleted_cancelled + EXCLUDED.deleted_cancelled,
    deleted_expired = stats.deleted_expired + EXCLUDED.deleted_expired,
    runs = stats.runs + 1,
    last_run = EXCLUDED.last_run;
