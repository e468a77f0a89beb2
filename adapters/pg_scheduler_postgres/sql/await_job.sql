-- Whoever ends this job will tell.
UPDATE :"schema".scheduled_jobs AS job
SET awaited = true
WHERE job.job_id = :job_id::text AND job.status IN ('pending', 'running') AND NOT job.awaited;
