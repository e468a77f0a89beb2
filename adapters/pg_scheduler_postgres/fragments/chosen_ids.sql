-- Their ids.
ids AS MATERIALIZED (
    SELECT act.job_id
    FROM :"schema".scheduled_job_audit_jobs AS act
    WHERE act.audit_id = :audit_id::bigint
    UNION ALL
    (
        SELECT job.job_id
        FROM :"schema".scheduled_jobs AS job
        WHERE :audit_id::bigint IS NULL
            AND job.job_id >= :id_prefix::text
            AND job.job_id < :beyond::text
        LIMIT :most_searched::integer + 1
    )
)
