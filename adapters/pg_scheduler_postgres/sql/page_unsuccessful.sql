-- Jobs that failed, were cancelled or expired, and match; the newest first, by the time of their end, then
-- id: read in the order of their index, until there are enough or so many have been looked through.
WITH
-- Those that match, and the last one that was looked at.
found AS (
    SELECT looked.at, looked.job_id, looked.is_wanted, looked.place = :most_searched::integer AS is_last
    FROM (
        SELECT
            job.finished_at AS at,
            job.job_id,
            pg_catalog.row_number() OVER (ORDER BY job.finished_at DESC, job.job_id DESC) AS place,
            job.status = ANY (:statuses::text[]) AND -- include: is_selected
            AS is_wanted
        FROM :"schema".scheduled_jobs AS job
        WHERE job.status IN ('failed', 'cancelled', 'expired')
            AND -- include: ended_before
        ORDER BY job.finished_at DESC, job.job_id DESC
        LIMIT :most_searched::integer
    ) AS looked
    WHERE looked.is_wanted OR looked.place = :most_searched::integer
    ORDER BY looked.at DESC, looked.job_id DESC
    LIMIT :limit::integer
)
-- include: page_of_found
