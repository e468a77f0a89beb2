SELECT job.queue, job.job_name COLLATE "C" AS job_name, job.priority
FROM :"schema".scheduled_jobs AS job
WHERE job.status = 'pending'
    AND job.lane IS NULL
    AND (job.queue, job.job_name COLLATE "C", job.priority)
        > (behind.queue, behind.job_name, behind.priority)
