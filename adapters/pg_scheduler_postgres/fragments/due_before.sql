job.execution_time >= :since::text::timestamptz
AND job.execution_time <= :at::text::timestamptz
AND (job.execution_time, job.job_id) < (:at::text::timestamptz, :at_id::text)
