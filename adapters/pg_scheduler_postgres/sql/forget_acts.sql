-- Delete records of acts that are old enough, the first ones first: records are read in the order in which
-- they were made, so that it costs what it deletes.
WITH
-- The first of them.
first AS MATERIALIZED (
    SELECT audit.id, audit.at
    FROM :"schema".scheduled_job_audit AS audit
    ORDER BY audit.id
    LIMIT :limit::integer
),
-- Those among them that are old, locked.
old AS MATERIALIZED (
    SELECT audit.id
    FROM first
    JOIN :"schema".scheduled_job_audit AS audit ON audit.id = first.id
    WHERE first.at < :NOW - pg_catalog.make_interval(secs => :kept_seconds::double precision)
    ORDER BY audit.id
    FOR UPDATE OF audit SKIP LOCKED
),
-- They go.
gone AS (
    DELETE FROM :"schema".scheduled_job_audit AS audit
    WHERE audit.id = ANY (ARRAY(SELECT old.id FROM old))
    RETURNING audit.id
),
-- Which jobs they changed is forgotten with them.
forgotten AS (
    DELETE FROM :"schema".scheduled_job_audit_jobs AS changed
    WHERE changed.audit_id = ANY (ARRAY(SELECT old.id FROM old))
)
SELECT pg_catalog.count(*) AS deleted
FROM gone;
