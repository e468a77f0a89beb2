-- Store a schedule, or give a stored one a new definition. Windows start anew where their rule changed;
-- its mark is the row's own, and so is whether it is paused, unless it takes that over from another row.
WITH
-- The schedule, new or redefined.
stored AS (
    INSERT INTO :"schema".scheduled_job_schedules AS schedule (
        schedule_key, task_name, spec, spec_hash, task_data, priority, max_retries, misfire_grace_time,
        timeout_seconds, backoff, exclusive, contention, origin, waits, paused, mark, created_at, heartbeat
    )
    VALUES (
        :schedule_key::text, :task_name::text, :spec::text::jsonb, :spec_hash::text, :task_data::text::jsonb,
        :priority::integer, :max_retries::integer, :misfire_grace_time::integer,
        :timeout_seconds::double precision, :backoff::text::jsonb, :exclusive::boolean,
        :contention::text, :origin::text, :waits::boolean, :paused::boolean, :mark::timestamptz,
        :NOW, :NOW
    )
    ON CONFLICT (schedule_key) DO UPDATE SET
        task_name = EXCLUDED.task_name,
        spec = EXCLUDED.spec,
        spec_hash = EXCLUDED.spec_hash,
        older_hashes = CASE
            WHEN schedule.spec_hash = EXCLUDED.spec_hash THEN schedule.older_hashes
            ELSE (
                array_remove(array_remove(schedule.older_hashes, EXCLUDED.spec_hash), schedule.spec_hash)
                || schedule.spec_hash
            )
        END,
        task_data = EXCLUDED.task_data,
        priority = EXCLUDED.priority,
        max_retries = EXCLUDED.max_retries,
        misfire_grace_time = EXCLUDED.misfire_grace_time,
        timeout_seconds = EXCLUDED.timeout_seconds,
        backoff = EXCLUDED.backoff,
        exclusive = EXCLUDED.exclusive,
        contention = EXCLUDED.contention,
        origin = EXCLUDED.origin,
        waits = EXCLUDED.waits,
        paused = coalesce(:inherited_pause::boolean, schedule.paused),
        retired = false,
        mark = greatest(schedule.mark, EXCLUDED.mark),
        next_window = CASE WHEN :keep_windows::boolean THEN schedule.next_window END,
        heartbeat = EXCLUDED.heartbeat
    RETURNING schedule.schedule_key, schedule.xmax = 0 AS inserted
)
SELECT stored.inserted, pg_notify(:channel::text, 'schedule') AS notified
FROM stored;
