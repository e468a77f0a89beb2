-- What people did by hand, the latest first: from the end of the primary key.
SELECT audit.id, audit.at, audit.actor, audit.via, audit.act, audit.subject, audit.affected,
    audit.selection::text AS selection
FROM :"schema".scheduled_job_audit AS audit
WHERE :since::timestamptz IS NULL OR audit.at >= :since::timestamptz
ORDER BY audit.id DESC
LIMIT :limit::integer;
