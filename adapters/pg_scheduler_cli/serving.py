"""One worker process: makes the application and runs it until it is stopped."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from pg_scheduler.domain.errors import ConfigurationError, InvalidInput, PgSchedulerError
from pg_scheduler.domain.polling import LONGEST_INTERVAL, PollingConfig
from pg_scheduler.process.signals import STOP_SIGNALS, StopSignals, run_until_signalled
from pg_scheduler.scheduler import Scheduler
from pg_scheduler_cli.chosen import chosen_tasks
from pg_scheduler_cli.collecting import collect_seldom
from pg_scheduler_cli.errors import Failure, explained
from pg_scheduler_cli.factories import Application, made_by, scheduler_of
from pg_scheduler_cli.health_server import HealthServer
from pg_scheduler_cli.job_log import JobLog, log_banner
from pg_scheduler_cli.lifeline import Lifeline
from pg_scheduler_cli.several import Several, places_of
from pg_scheduler_cli.tracebacks import AppFailed, hidden, users_code
from pg_scheduler_cli.vital_signs import VitalSigns
from pg_scheduler_cli.worker_pages import pages_of, pages_of_several

log: logging.Logger = logging.getLogger(__name__)

EXIT_PATIENCE = 5.0
"""Seconds that threads of the user's program may delay the exit of the process after shutdown."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How to run an application; None keeps the application's own setting."""

    queues: Mapping[str, int | None] = field(default_factory=dict)
    """Slots by queue, None for those that have none of their own; none means what the application says."""
    only: Sequence[str] = ()
    """Names of entrypoints, schedules or tasks; none means all."""
    concurrency: int | None = None
    batch_size: int | None = None
    dequeue_timeout: float | None = None
    listen: bool = True
    drain: bool = False
    shutdown_timeout: float = 30.0
    health_port: int | None = None
    """Where supervisors ask; None: nowhere."""
    health_socket: str | None = None
    """Where the parent of several processes asks."""
    dsns: Sequence[str] = ()
    """Connection strings, with each of which the application is made once; none: once, without."""

    @property
    def changes_something(self) -> bool:
        """True if the application must not have been started yet."""
        numbers = (self.concurrency, self.batch_size, self.dequeue_timeout)
        return (
            bool(self.only or self.queues) or not self.listen or any(number is not None for number in numbers)
        )

    def apply(self, scheduler: Scheduler) -> None:
        """Configure the scheduler."""
        if not self.changes_something:
            return
        if scheduler.is_running:
            raise Failure(
                "the factory returned an application that is already running, so options of `pgq run` "
                "cannot be applied: return it before it is started"
            )
        for queue in self.queues:
            _point_out_a_task(scheduler, queue)
        scheduler.reconfigure(
            max_concurrent_jobs=self.concurrency or self._slots_of_queues,
            batch_claim_limit=self.batch_size,
            polling_config=self._polling(scheduler.polling_config),
            only=chosen_tasks(scheduler, self.only) if self.only else None,
            queues=self.queues or None,
        )

    @property
    def _slots_of_queues(self) -> int | None:
        """As many jobs at once as the queues have slots, if each has its own."""
        numbers = [number for number in self.queues.values() if number is not None]
        return sum(numbers) if numbers and len(numbers) == len(self.queues) else None

    def _polling(self, config: PollingConfig) -> PollingConfig:
        listen = config.listen and self.listen
        if self.dequeue_timeout is None:
            return replace(config, listen=listen)
        seconds = min(self.dequeue_timeout, LONGEST_INTERVAL)
        unheard = config.interval_without_listen if listen else seconds
        return replace(config, listen=listen, interval=seconds, interval_without_listen=unheard)


def _point_out_a_task(scheduler: Scheduler, queue: str) -> None:
    """Where somebody may have meant another option."""
    if scheduler.queue_of(queue) not in (None, queue):
        log.warning(
            "--queues %r: that is also an entrypoint or task, whose jobs wait in the queue %r; "
            "--only chooses entrypoints and tasks",
            queue,
            scheduler.queue_of(queue),
        )


def serve(factory: object, name: str, options: RunOptions, lifeline: Lifeline | None = None) -> None:
    """Run the application until it has shut down.

    Raises:
        Failure: the application could not be made or started, or it failed.
    """
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(factory, name, options, lifeline))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's, if uvloop is installed."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def stop_signals() -> tuple[signal.Signals, ...]:
    """The signals that stop a worker: also SIGHUP, when its terminal closes, unless that is ignored (nohup).

    SIGINT counts even if it was ignored: a shell ignores it for everything that a script starts in the
    background, which does not mean that anybody wants `kill -INT` to do nothing.
    """
    if sys.platform != "win32" and signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        return (*STOP_SIGNALS, signal.SIGHUP)
    return STOP_SIGNALS


async def _serve(factory: object, name: str, options: RunOptions, lifeline: Lifeline | None) -> None:
    main = asyncio.current_task()
    assert main is not None
    grace = options.shutdown_timeout
    with StopSignals(stop_signals(), second_forces=lifeline is None, grace=grace) as signals:
        if lifeline is not None:
            lifeline.watch(signals, grace)
        # Until the worker has started there are no jobs to wait for: the first signal cancels the start.
        leaving = asyncio.create_task(_cancel_when_requested(main, signals))
        try:
            with users_code(name):
                await _run(factory, name, options, signals, leaving, lifeline)
        except asyncio.CancelledError:
            if not signals.stop_requested.is_set():
                raise
        finally:
            leaving.cancel()
            failure = sys.exc_info()[1]
            _end_soon(0 if failure is None else getattr(failure, "exit_code", 1))


async def _cancel_when_requested(main: asyncio.Task[None], signals: StopSignals) -> None:
    await signals.stop_requested.wait()
    main.cancel()


async def _run(
    factory: object,
    name: str,
    options: RunOptions,
    signals: StopSignals,
    leaving: asyncio.Task[None],
    lifeline: Lifeline | None,
) -> None:
    async with AsyncExitStack() as stack:
        apps = await _made(factory, name, options, stack)
        schedulers = {where: scheduler_of(app) for where, app in apps.items()}
        for where, scheduler in schedulers.items():
            options.apply(scheduler)
            scheduler.stop_grace = options.shutdown_timeout
            scheduler.add_observer(JobLog(where))
        collect_seldom()
        together = Several(apps, drain=options.drain, grace=options.shutdown_timeout)

        async def start() -> None:
            await together.start()
            leaving.cancel()
            for scheduler in schedulers.values():
                if scheduler.is_running:
                    await log_banner(scheduler)
            if lifeline is not None:
                lifeline.say_ready()

        try:
            with _answering(schedulers, options):
                await run_until_signalled(
                    start, together.shutdown, options.shutdown_timeout,
                    until=together.until_done, signals=signals,
                )  # fmt: skip
        except (InvalidInput, ConfigurationError) as error:
            raise Failure(hidden(explained(error))) from error
        except PgSchedulerError as error:
            raise AppFailed(hidden(explained(error))) from error


async def _made(
    factory: object, name: str, options: RunOptions, stack: AsyncExitStack
) -> Mapping[str, Application]:
    """The application, or one for each database, by where they work."""
    if not options.dsns:
        return {"": await stack.enter_async_context(made_by(factory, name))}
    apps: dict[str, Application] = {}
    for where, dsn in places_of(options.dsns).items():
        apps[where] = await stack.enter_async_context(made_by(factory, name, dsn))
    if len({id(scheduler_of(app)) for app in apps.values()}) < len(apps):
        raise Failure(f"{name} returned the same application for two databases: make one for each")
    return apps


@contextmanager
def _answering(schedulers: Mapping[str, Scheduler], options: RunOptions) -> Iterator[None]:
    """Answer supervisors, if that is wanted."""
    if options.health_port is None and options.health_socket is None:
        yield
        return
    signs = {where: VitalSigns(scheduler) for where, scheduler in schedulers.items()}
    if len(schedulers) == 1:
        ((where, scheduler),) = schedulers.items()
        pages = pages_of(signs[where], scheduler)
    else:
        pages = pages_of_several(signs, schedulers)
    path = None if options.health_socket is None else Path(options.health_socket)
    if path is not None:
        path.unlink(missing_ok=True)  # of the process that this one replaces
    try:
        with HealthServer(pages, port=options.health_port, path=path) as server:
            if path is None:
                log.info("health port: %d, %s", server.port, ", ".join(pages))
            yield
    finally:
        for one in signs.values():
            one.end()


def _end_soon(code: int) -> None:
    """Exit soon even if threads of the user's program (``asyncio.to_thread``) still run: their jobs have been
    released, and the sender of the signal is waiting for the exit."""

    def end() -> None:
        time.sleep(EXIT_PATIENCE)
        os._exit(code)

    threading.Thread(target=end, name="end", daemon=True).start()
