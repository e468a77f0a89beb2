-- The id of a window belongs to its run. Whoever may only store jobs (a producer) takes none: that job would
-- stand in the window's place, as every id is stored once. Whoever may change jobs can do worse anyway, and
-- 0.2.3 stores its periodic jobs like this.
ALTER TABLE :"schema".scheduled_jobs
    DROP CONSTRAINT IF EXISTS scheduled_jobs_window_ids,
    ADD CONSTRAINT scheduled_jobs_window_ids CHECK (
        schedule_key IS NOT NULL
        OR NOT pg_catalog.starts_with(job_id, 'periodic:')
        OR pg_catalog.has_table_privilege(tableoid, 'UPDATE')
    ) NOT VALID;
