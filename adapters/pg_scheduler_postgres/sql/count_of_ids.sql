-- How many jobs one act has changed, or have ids that begin so, and match.
WITH
-- include: chosen_ids
SELECT
    :NOW AS moment,
    pg_catalog.count(*)::integer AS found,
    (SELECT pg_catalog.count(*) FROM ids) <= :most_searched::integer AS is_exact
FROM ids
CROSS JOIN LATERAL (
    SELECT 1
    FROM :"schema".scheduled_jobs AS job
    WHERE job.job_id = ids.job_id
        AND job.status = ANY (:statuses::text[])
        AND -- include: is_selected
        AND (
            job.status IN ('pending', 'running') AND -- include: due_between
            OR job.status NOT IN ('pending', 'running') AND -- include: ended_between
        )
    LIMIT 1
) AS of_id;
