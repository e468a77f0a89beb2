(
    -- Tasks that share a name have their key behind it.
    (
        (
            schedule.task_name = ANY (:families::text[])
            OR schedule.task_name = ANY (
                SELECT shared || '@' || schedule.schedule_key
                FROM pg_catalog.unnest(:families::text[]) AS shared
            )
        )
        AND schedule.origin = 'code'
    )
    OR schedule.schedule_key = ANY (:keys::text[])
    OR (schedule.stands_for OPERATOR(pg_catalog.&&) :keys::text[] AND schedule.origin = 'code')
    -- Older code has put its own name of the task back.
    OR (schedule.displaced_tasks OPERATOR(pg_catalog.&&) :families::text[] AND schedule.origin = 'code')
)
