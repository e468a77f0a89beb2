"""Jobs and schedules of other programs, taken over: `pgq import`."""

from pg_scheduler_import.apscheduler import APScheduler3
from pg_scheduler_import.apscheduler4 import APScheduler4
from pg_scheduler_import.celery_beat import CeleryBeat
from pg_scheduler_import.counts import Counts, Refusal, Taken
from pg_scheduler_import.django_celery_beat import DjangoCeleryBeat
from pg_scheduler_import.foreign import ForeignQueue, Refused
from pg_scheduler_import.importing import copy_jobs, move_jobs
from pg_scheduler_import.pgqueuer import PgQueuerTable
from pg_scheduler_import.procrastinate import ProcrastinateTable
from pg_scheduler_import.scheduled import ForeignSchedules
from pg_scheduler_import.schedules import import_schedules

__all__ = [
    "APScheduler3",
    "APScheduler4",
    "CeleryBeat",
    "Counts",
    "DjangoCeleryBeat",
    "ForeignQueue",
    "ForeignSchedules",
    "PgQueuerTable",
    "ProcrastinateTable",
    "Refusal",
    "Refused",
    "Taken",
    "copy_jobs",
    "import_schedules",
    "move_jobs",
]
