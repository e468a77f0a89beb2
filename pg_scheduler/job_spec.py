"""One job of a bulk call."""

from pg_scheduler.client.job_factory import JobRequest
from pg_scheduler.domain.unset import UNSET as _UNSET


class JobSpec(JobRequest):
    """A job to schedule: func, execution_time, args, kwargs, priority, max_retries, job_id,
    misfire_grace_time; then executor, timeout, retry, deduplicate, store_result, limit_key, delay and
    headers. The fields mean what the parameters of `Scheduler.schedule` mean."""

    __slots__ = ()


__all__ = ["_UNSET", "JobSpec"]
