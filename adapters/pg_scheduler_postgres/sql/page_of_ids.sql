-- Jobs that one act has changed, or whose ids begin so, and that match; the newest first, by their time, then
-- id. If there are more of them than may be looked through, one row says so.
WITH
-- include: chosen_ids,
-- Those that match.
found AS (
    SELECT of_id.at, of_id.job_id, true AS is_wanted, false AS is_last
    FROM ids
    CROSS JOIN LATERAL (
        SELECT
            CASE
                WHEN job.status IN ('completed', 'failed', 'cancelled', 'expired')
                THEN coalesce(job.finished_at, job.execution_time)
                ELSE job.execution_time
            END AS at,
            job.job_id
        FROM :"schema".scheduled_jobs AS job
        WHERE job.job_id = ids.job_id
            AND job.status = ANY (:statuses::text[])
            AND -- include: is_selected
        LIMIT 1
    ) AS of_id
    WHERE of_id.at >= :since::text::timestamptz
        AND (of_id.at, of_id.job_id) < (:at::text::timestamptz, :at_id::text)
    ORDER BY of_id.at DESC, of_id.job_id DESC
    LIMIT :limit::integer
)
-- include: page_of_found
