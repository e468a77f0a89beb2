-- Everything that the migrations made.
DROP TABLE IF EXISTS
    :"schema".scheduled_jobs,
    :"schema".scheduled_job_attempts,
    :"schema".scheduled_job_workers,
    :"schema".scheduled_job_schedules,
    :"schema".scheduled_job_limits,
    :"schema".scheduled_job_lanes,
    :"schema".vacuum_stats,
    :"schema".scheduled_job_migrations;
