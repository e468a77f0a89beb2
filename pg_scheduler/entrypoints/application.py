"""What the entrypoint style's applications have in common: one scheduler, started, run and stopped."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Literal, Self, TypeAlias, Unpack, get_args

from pg_scheduler.client.keywords import SchedulerOptions
from pg_scheduler.client.source import Source
from pg_scheduler.domain.errors import InvalidInput, shown
from pg_scheduler.domain.inputs import checked_positive, checked_seconds, is_finite_number
from pg_scheduler.domain.polling import LONGEST_INTERVAL, PollingConfig
from pg_scheduler.entrypoints.failure_observer import FailureObserver
from pg_scheduler.models import Context
from pg_scheduler.ports.job_context import JobContext
from pg_scheduler.scheduler import Scheduler

Mode: TypeAlias = Literal["continuous", "drain"]
MODES: tuple[Mode, ...] = get_args(Mode)


class App:
    """A scheduler seen from the entrypoint style. Several apps may share one, running or not: they are views
    of one engine, and start one worker.

    Args:
        source: an asyncpg or psycopg pool or connection, a DSN, a Driver such as `AsyncpgDriver`; or the
            `Scheduler` to be a view of.
        resources: what the application's jobs share; each finds it in its context.
        options: as of `Scheduler`, for the one that is made. Functions decorated with @periodic run here
            only with ``periodic_jobs_enabled=True``.
    """

    def __init__(
        self,
        source: Source | Scheduler,
        *,
        resources: MutableMapping[str, Any] | None = None,
        **options: Unpack[SchedulerOptions],
    ) -> None:
        if isinstance(source, Scheduler):
            if options:
                raise InvalidInput(next(iter(options)), "is the scheduler's own business")
            self.scheduler: Scheduler = source
        else:
            options.setdefault("periodic_jobs_enabled", False)
            self.scheduler = Scheduler(source, **options)
        self.failures: FailureObserver = _failures_of(self.scheduler)
        self.resources: MutableMapping[str, Any] = {} if resources is None else resources

    def context_of(self, context: JobContext) -> Context:
        """The context of a running job."""
        return Context(context, self.resources)

    async def run(
        self,
        dequeue_timeout: timedelta | float = timedelta(seconds=30),
        batch_size: int | None = None,
        *,
        max_concurrent_tasks: int | None = None,
        mode: Mode = "continuous",
        shutdown_timeout: float | None = 30,
    ) -> None:
        """Run jobs and schedules until `shutdown()` is called or this call is cancelled; then shut down.

        Args:
            dequeue_timeout: how long an idle worker waits before it looks by itself. New jobs are told, and
                jobs that become due are known of, so this is not how late they start.
            batch_size: how many jobs one claim takes at most; None: as many as the scheduler's
                `batch_claim_limit` says.
            max_concurrent_tasks: how many jobs run here at once.
            mode: "continuous", or "drain": until nothing is due that could be run here.
            shutdown_timeout: seconds that running jobs get at the end; None: as long as they need.

        Raises:
            InvalidInput: an argument is invalid.
        """
        if mode not in MODES:
            raise InvalidInput("mode", f"expected one of {', '.join(MODES)}, got {shown(mode)}")
        interval = checked_seconds("dequeue_timeout", dequeue_timeout).total_seconds()
        if batch_size is not None:
            checked_positive("batch_size", batch_size)
        if max_concurrent_tasks is not None:
            checked_positive("max_concurrent_tasks", max_concurrent_tasks)
        if shutdown_timeout is not None and not is_finite_number(shutdown_timeout):
            raise InvalidInput("shutdown_timeout", f"expected seconds or None, got {shown(shutdown_timeout)}")
        if not self.scheduler.is_running:
            self.scheduler.reconfigure(
                batch_claim_limit=batch_size,
                max_concurrent_jobs=max_concurrent_tasks,
                polling_config=_polling(self.scheduler.polling_config, interval),
            )
        try:
            await self.scheduler.start()
            worker = self.scheduler.worker
            await (worker.steps.wait_drained() if mode == "drain" else worker.wait_stopped())
        finally:
            await self.shutdown(shutdown_timeout)

    async def shutdown(self, timeout: float | None = 30) -> None:
        """Stop, as `Scheduler.shutdown`; `run` returns. Legal at any time, and twice."""
        await self.scheduler.shutdown(timeout)
        await self.failures.calls_done()

    async def __aenter__(self) -> Self:
        await self.scheduler.__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self.shutdown()


def _failures_of(scheduler: Scheduler) -> FailureObserver:
    """The one that all views of a scheduler share."""
    for observer in scheduler.observers:
        if isinstance(observer, FailureObserver):
            return observer
    failures = FailureObserver()
    scheduler.add_observer(failures)
    return failures


def _polling(config: PollingConfig, interval: float) -> PollingConfig:
    return replace(config, interval=min(interval, LONGEST_INTERVAL))
