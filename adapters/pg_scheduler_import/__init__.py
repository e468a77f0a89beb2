"""Jobs of other queues on PostgreSQL, taken over: `pgq import`."""

from pg_scheduler_import.counts import Counts, Refusal
from pg_scheduler_import.foreign import ForeignQueue, Refused
from pg_scheduler_import.importing import copy_jobs, move_jobs
from pg_scheduler_import.pgqueuer import PgQueuerTable
from pg_scheduler_import.procrastinate import ProcrastinateTable

__all__ = [
    "Counts",
    "ForeignQueue",
    "PgQueuerTable",
    "ProcrastinateTable",
    "Refusal",
    "Refused",
    "copy_jobs",
    "move_jobs",
]
