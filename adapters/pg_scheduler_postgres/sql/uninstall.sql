-- Everything that the migrations made.
DROP TABLE IF EXISTS
    :"schema".scheduled_jobs,
    :"schema".scheduled_job_attempts,
    :"schema".scheduled_job_workers,
    :"schema".scheduled_job_schedules,
    :"schema".vacuum_stats,
    :"schema".scheduled_job_migrations;
