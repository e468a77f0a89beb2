-- Jobs of one stream.
job.status = 'pending'
    AND job.lane IS NULL
    AND job.queue = stream.queue
    AND job.job_name COLLATE "C" = stream.job_name
    AND job.priority = stream.priority
