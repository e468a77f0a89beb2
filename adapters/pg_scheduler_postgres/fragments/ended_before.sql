job.finished_at >= :since::text::timestamptz
AND job.finished_at <= :at::text::timestamptz
AND (job.finished_at, job.job_id) < (:at::text::timestamptz, :at_id::text)
