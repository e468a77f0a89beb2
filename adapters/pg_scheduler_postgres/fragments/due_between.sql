job.execution_time >= :since::text::timestamptz AND job.execution_time < :at::text::timestamptz
