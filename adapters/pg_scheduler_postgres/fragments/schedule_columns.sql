schedule.schedule_key, schedule.task_name, schedule.spec::text AS spec, schedule.spec_hash,
schedule.older_hashes, schedule.task_data::text AS task_data, schedule.priority,
schedule.max_retries, schedule.misfire_grace_time, schedule.timeout_seconds,
schedule.backoff::text AS backoff, schedule.exclusive, schedule.contention, schedule.origin,
schedule.paused, schedule.retired, schedule.mark, schedule.next_window, schedule.run_count,
schedule.skipped_count, schedule.last_job_id, schedule.created_at, schedule.heartbeat,
schedule.lock_name, schedule.queue
