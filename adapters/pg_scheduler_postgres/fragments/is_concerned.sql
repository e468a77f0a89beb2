(
    (schedule.task_name = ANY (:task_names::text[]) AND schedule.origin = 'code')
    OR schedule.schedule_key = ANY (:keys::text[])
    OR (schedule.stands_for && :keys::text[] AND schedule.origin = 'code')
)
