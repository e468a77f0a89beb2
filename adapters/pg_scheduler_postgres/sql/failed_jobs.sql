-- Failed jobs by queue and task, of so many jobs that ended last without success.
SELECT
    ended.queue,
    ended.job_name,
    pg_catalog.count(*) FILTER (WHERE ended.status = 'failed')::integer AS failed,
    pg_catalog.sum(pg_catalog.count(*)) OVER () < :most::integer AS is_exact
FROM (
    SELECT job.queue, job.job_name COLLATE "C" AS job_name, job.status
    FROM :"schema".scheduled_jobs AS job
    WHERE job.status IN ('failed', 'cancelled', 'expired') AND job.finished_at IS NOT NULL
    ORDER BY job.finished_at DESC, job.job_id DESC
    LIMIT :most::integer
) AS ended
GROUP BY ended.queue, ended.job_name;
