-- The number of the transaction, or of the part of it since a savepoint, that wrote a job's row last. The row
-- holds the lower 32 bits; the upper ones are those of the whole transaction, which is older than its parts.
-- With the start of the server that gave it: another one counts on its own.
SELECT (whole.number + ((job.xmin::text::bigint - whole.number) % 4294967296 + 4294967296) % 4294967296)::text
    || ' ' || pg_catalog.date_part('epoch', pg_catalog.pg_postmaster_start_time())::text
    AS token
FROM :"schema".scheduled_jobs AS job
CROSS JOIN (SELECT pg_catalog.pg_current_xact_id()::text::bigint AS number) AS whole
WHERE job.job_id = :job_id::text;
