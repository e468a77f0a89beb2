-- The unfinished jobs that have these dedupe keys.
SELECT job.dedupe_key, job.job_id
FROM :"schema".scheduled_jobs AS job
WHERE job.dedupe_key = ANY (:dedupe_keys::text[]) AND job.status IN ('pending', 'running');
