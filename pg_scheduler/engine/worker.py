"""The worker: one running engine with an identity."""

from __future__ import annotations

import asyncio
import logging
from functools import partial

from pg_scheduler.domain.errors import PgSchedulerError
from pg_scheduler.domain.workers import WorkerState
from pg_scheduler.engine.composition import Composition, Services, Surroundings
from pg_scheduler.engine.running.attempt import StopReason
from pg_scheduler.engine.service import keep_running
from pg_scheduler.engine.steps import Steps
from pg_scheduler.engine.waiting import first_of
from pg_scheduler.engine.worker_id import new_worker_id
from pg_scheduler.engine.worker_settings import WorkerSettings
from pg_scheduler.ports.worker_events import RoundFailed, WorkerStarted, WorkerStopped

log: logging.Logger = logging.getLogger(__name__)

STOP_PATIENCE = 5.0
"""Seconds that cancelled attempts get to clean up before their jobs are released without them."""
FLUSH_PATIENCE = 10.0
"""Seconds that a stopping worker tries to store its last verdicts; then their leases run out."""

CANCEL_AGAIN = 6.0
"""Seconds after which a service that goes on is cancelled again: before Python 3.12 a cancellation that
meets the end of a `wait_for` is lost, and the libraries use it too. Longer than the lease keeper's thread
takes to end."""


class Worker:
    """Claims, runs and settles jobs. Start and stop are idempotent; a stopped worker is replaced."""

    def __init__(self, given: Surroundings, worker_id: str | None = None) -> None:
        self.settings: WorkerSettings = given.settings
        self.worker_id: str = worker_id or new_worker_id(given.settings.worker_id_length)
        self.services: Services = Composition(self.worker_id, given).services()
        self.steps: Steps = Steps(
            self.services, given, self.worker_id, lambda: self.running, self.wait_stopped
        )
        self._driver = given.driver
        self._clock = given.clock
        self._running: dict[str, asyncio.Task[None]] = {}
        self._grace_expired = asyncio.Event()
        self._stopping: asyncio.Task[None] | None = None
        self._stopped = asyncio.Event()

    @property
    def listening(self) -> bool:
        """True while signals arrive."""
        return self.services.listener.connected

    @property
    def running(self) -> bool:
        """True from start until stop has finished."""
        return bool(self._running)

    @property
    def stopped(self) -> bool:
        """True once stop has finished: this worker cannot start again, its identity is used up."""
        return self._stopped.is_set()

    async def wait_stopped(self) -> None:
        """Return once stop has finished."""
        await self._stopped.wait()

    def start(self) -> None:
        """Start the services. The driver must be open."""
        if self._running:
            return
        rounds = self.services.rounds(self.settings)
        self.services.report.describe()
        for name, one_round in rounds.items():
            self._running[name] = asyncio.create_task(
                keep_running(
                    name,
                    one_round,
                    self._clock,
                    self.services.observers.pass_finished,
                    partial(self._note_failed, name),
                ),
                name=f"pg_scheduler {name}",
            )
        if self._clock.pinned() is None:  # by a pinned clock no loop is ever late
            self.services.loop_watch.start()
        log.info("worker started: %s", self.worker_id, extra={"worker_id": self.worker_id})
        self.services.observers.emit(WorkerStarted(self.worker_id))

    def _note_failed(self, service: str, error: Exception) -> None:
        self.services.read_only.failed(error)
        self.services.observers.emit(RoundFailed(service, error))

    async def stop(self, grace: float | None) -> None:
        """Stop claiming, let running jobs end for up to `grace` seconds (None: without limit), release the
        rest, store every verdict, and end all services.

        A second call while the first waits shortens its grace if its own is shorter. Cancelling the call
        ends the grace: whoever no longer wants to wait leaves no job behind that looks running.
        """
        if not self._running:
            return
        if self._stopping is None:
            self._stopping = asyncio.create_task(self._stop(), name="pg_scheduler stop")
        stopping = self._stopping
        try:
            _, waiting = await asyncio.wait({stopping}, timeout=None if grace is None else max(grace, 0))
        except asyncio.CancelledError:
            self._grace_expired.set()
            await asyncio.shield(stopping)
            raise
        if waiting:
            self._grace_expired.set()
        await asyncio.shield(stopping)

    async def _stop(self) -> None:
        self.services.report.state = WorkerState.STOPPING
        await self._stop_claiming()
        self.services.starter.give_back_waiting()
        await first_of(self.services.active.wait_idle(), self._grace_expired.wait())
        await self._release_the_rest()
        try:
            await self._store_the_rest()
        except (PgSchedulerError, TimeoutError) as error:
            log.error(
                "the last verdicts could not be stored; their jobs are recovered when leases expire: %s",
                str(error) or type(error).__name__,
                extra={"error": str(error) or type(error).__name__},
            )
        self.services.loop_watch.stop()
        await self._end_services()
        await self._deregister()
        self._running.clear()
        self._stopped.set()
        log.info("worker stopped: %s", self.worker_id, extra={"worker_id": self.worker_id})
        self.services.observers.emit(WorkerStopped(self.worker_id))

    async def _stop_claiming(self) -> None:
        claimer = self.services.claimer
        claimer.stop()
        try:
            async with asyncio.timeout(FLUSH_PATIENCE):
                await claimer.stopped.wait()
        except TimeoutError:
            claimer.give_up()
            log.warning("a claim does not return; jobs that it has claimed will not start in this worker")

    async def _store_the_rest(self) -> None:
        services = self.services
        for step in (
            services.settler.wait_empty,
            services.claimer.release_orphaned_claims,
            # A claim that came back only now has brought jobs, to be given back.
            services.settler.wait_empty,
            services.progress.flush,
            services.pruner.record_settled,
            services.minutes.flush_at_the_end,
        ):
            async with asyncio.timeout(FLUSH_PATIENCE):
                await step()

    async def _end_services(self) -> None:
        services = set(self._running.values())
        while services:
            for service in services:
                service.cancel()
            _, services = await asyncio.wait(services, timeout=CANCEL_AGAIN)

    async def _deregister(self) -> None:
        """Leave the list of workers; last of all, because a renewal would enter it again."""
        try:
            async with asyncio.timeout(FLUSH_PATIENCE):
                await self._driver.jobs.forget_worker(self.worker_id)
        except (PgSchedulerError, TimeoutError) as error:
            log.warning(
                "worker %s could not be removed from the list of workers: %s",
                self.worker_id,
                str(error) or type(error).__name__,
                extra={"error": str(error) or type(error).__name__},
            )

    async def _release_the_rest(self) -> None:
        for attempt in self.services.active.attempts():
            attempt.stop(StopReason.SHUTDOWN)
        try:
            async with asyncio.timeout(STOP_PATIENCE):
                await self.services.active.wait_idle()
        except TimeoutError:
            for attempt in self.services.active.attempts():
                log.warning(
                    "job %r does not stop; releasing it although it is still running",
                    attempt.job.job_id,
                    extra={"job_id": attempt.job.job_id},
                )
                self.services.runner.give_up(attempt)
                attempt.abandon()
