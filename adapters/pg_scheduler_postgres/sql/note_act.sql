-- What somebody did by hand, in the transaction in which it was done, with the jobs that he changed. A
-- further part of an act is added to its record.
WITH
-- The record, if it is a new act.
noted AS (
    INSERT INTO :"schema".scheduled_job_audit (at, actor, via, act, subject, affected, selection)
    SELECT
        :NOW, :actor::text, :via::text, :act::text, :subject::text, :affected::integer,
        :selection::text::jsonb
    WHERE :audit_id::bigint IS NULL
    RETURNING id
),
-- The record, if it is a part of one.
extended AS (
    UPDATE :"schema".scheduled_job_audit AS audit
    SET affected = audit.affected + :affected::integer
    WHERE audit.id = :audit_id::bigint
    RETURNING audit.id
),
-- The jobs.
kept AS (
    INSERT INTO :"schema".scheduled_job_audit_jobs (audit_id, job_id)
    SELECT act.id, job.id
    FROM (SELECT noted.id FROM noted UNION ALL SELECT extended.id FROM extended) AS act
    CROSS JOIN (SELECT DISTINCT pg_catalog.unnest(:changed_ids::text[]) AS id) AS job
    ON CONFLICT (audit_id, job_id) DO NOTHING
)
SELECT noted.id FROM noted
UNION ALL
SELECT extended.id FROM extended;
