"""One job of a bulk call."""

from dataclasses import dataclass

from pg_scheduler.client.job_factory import JobRequest
from pg_scheduler.domain.unset import UNSET as _UNSET
from pg_scheduler.engine.tasks.job_defaults import JobDefaults
from pg_scheduler.engine.tasks.registry import marked_defaults


@dataclass(slots=True)
class JobSpec(JobRequest):
    """A job to schedule: func, execution_time, args, kwargs, priority, max_retries, job_id,
    misfire_grace_time; then executor, timeout, retry, deduplicate, store_result, limit_key, delay,
    headers and queue. The fields mean what the parameters of `Scheduler.schedule` mean.

    What is left out reads as what the function's `@task` says, else as JobPriority.NORMAL, 0 retries, no
    stored result, no limit key and the queue "default"; the grace stays unset, as it is the scheduler's then.
    Where `func` is a name, all of them stay unset until the scheduler knows whose name it is.
    """

    def __post_init__(self) -> None:
        if not isinstance(self.func, str):
            _fill(self, marked_defaults(self.func))


def _fill(request: JobRequest, defaults: JobDefaults) -> None:
    """Say what the request leaves out."""
    if request.priority is _UNSET:
        request.priority = defaults.priority
    if request.max_retries is _UNSET:
        request.max_retries = defaults.max_retries
    if request.misfire_grace_time is _UNSET:
        request.misfire_grace_time = defaults.misfire_grace_time
    if request.store_result is _UNSET:
        request.store_result = defaults.store_result
    if request.limit_key is _UNSET:
        request.limit_key = defaults.limit_key
    if request.queue is _UNSET:
        request.queue = defaults.queue


__all__ = ["_UNSET", "JobSpec"]
