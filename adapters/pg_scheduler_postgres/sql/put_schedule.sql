-- Store a schedule, or give a stored one a new definition. It goes on with the standing that
-- `domain.succession` has found, unless somebody else has stored it meanwhile (`known` is false, and it is
-- there): then with its own.
WITH
-- The schedule, new or redefined.
stored AS (
    INSERT INTO :"schema".scheduled_job_schedules AS schedule (
        schedule_key, task_name, spec, spec_hash, task_data, priority, max_retries, misfire_grace_time,
        timeout_seconds, backoff, exclusive, contention, origin, waits, paused, mark, next_window, lock_name,
        stands_for, displaced_tasks, created_at, heartbeat
    )
    VALUES (
        :schedule_key::text, :task_name::text, :spec::text::jsonb, :spec_hash::text, :task_data::text::jsonb,
        :priority::integer, :max_retries::integer, :misfire_grace_time::integer,
        :timeout_seconds::double precision, :backoff::text::jsonb, :exclusive::boolean,
        :contention::text, :origin::text, :waits::boolean, :paused::boolean, :mark::timestamptz,
        :next_window::timestamptz, :lock_name::text, :stands_for::text[], :displaced_tasks::text[],
        :NOW, :NOW
    )
    ON CONFLICT (schedule_key) DO UPDATE SET
        task_name = EXCLUDED.task_name,
        spec = EXCLUDED.spec,
        spec_hash = EXCLUDED.spec_hash,
        older_hashes = CASE
            WHEN schedule.spec_hash = EXCLUDED.spec_hash THEN schedule.older_hashes
            ELSE (
                pg_catalog.array_append(
                    pg_catalog.array_remove(
                        pg_catalog.array_remove(schedule.older_hashes, EXCLUDED.spec_hash), schedule.spec_hash
                    ),
                    schedule.spec_hash
                )
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
        paused = CASE WHEN :known::boolean THEN EXCLUDED.paused ELSE schedule.paused END,
        retired = false,
        mark = CASE WHEN :known::boolean THEN EXCLUDED.mark ELSE schedule.mark END,
        next_window = CASE WHEN :known::boolean THEN EXCLUDED.next_window ELSE schedule.next_window END,
        lock_name = CASE WHEN :known::boolean THEN EXCLUDED.lock_name ELSE schedule.lock_name END,
        stands_for = CASE WHEN :known::boolean THEN EXCLUDED.stands_for ELSE schedule.stands_for END,
        displaced_tasks = EXCLUDED.displaced_tasks,
        heartbeat = EXCLUDED.heartbeat
    RETURNING schedule.schedule_key, schedule.xmax = 0 AS inserted
)
SELECT stored.inserted, pg_catalog.pg_notify(:channel::text, 'schedule') AS notified
FROM stored;
