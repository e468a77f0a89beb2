"""The screens, in the order of the navigation."""

from pg_scheduler_web.screen import Screen
from pg_scheduler_web.screens import (
    audit,
    confirm,
    failures,
    job,
    jobs,
    overview,
    queues,
    schedules,
    system,
    workers,
)

SCREENS: tuple[Screen, ...] = (
    overview.OVERVIEW,
    jobs.JOBS,
    job.JOB,
    confirm.CONFIRM,
    failures.FAILURES,
    queues.QUEUES,
    queues.QUEUE,
    queues.TASKS,
    queues.TASK,
    schedules.SCHEDULES,
    schedules.SCHEDULE,
    workers.WORKERS,
    system.SYSTEM,
    audit.AUDIT,
)
