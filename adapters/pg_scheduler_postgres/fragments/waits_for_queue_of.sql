-- Jobs that wait for a place in the limited queue of this run.
JOIN :"schema".scheduled_job_queues AS queues
    ON queues.queue = run.queue AND queues.concurrency IS NOT NULL
JOIN :"schema".scheduled_jobs AS job
    ON job.queue = run.queue AND job.status = 'pending' AND job.lane IS NOT NULL
