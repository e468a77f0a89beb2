schedule.schedule_key, schedule.task_name, schedule.origin, schedule.spec_hash, schedule.spec::text AS spec,
schedule.older_hashes, schedule.heartbeat, schedule.retired, schedule.paused, schedule.mark,
schedule.next_window, schedule.lock_name, schedule.stands_for, schedule.displaced_tasks
