"""The worker: one running engine with an identity, composed of the services."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from pg_scheduler.domain.errors import PgSchedulerError
from pg_scheduler.domain.model import ClaimedJob, Lease
from pg_scheduler.domain.polling import PollingConfig
from pg_scheduler.domain.retention import VacuumPolicy
from pg_scheduler.domain.retry import RetryPolicy
from pg_scheduler.domain.states import JobStatus, transition
from pg_scheduler.domain.verdict import Verdict
from pg_scheduler.engine.claiming.claimer import Claimed, Claimer
from pg_scheduler.engine.leases.lease_keeper import LeaseKeeper
from pg_scheduler.engine.leases.loop_watch import LoopWatch
from pg_scheduler.engine.leases.reclaimer import Reclaimer
from pg_scheduler.engine.limits.limit_keeper import LimitKeeper
from pg_scheduler.engine.listener import Listener
from pg_scheduler.engine.retention.pruner import Pruner
from pg_scheduler.engine.running.active_attempts import ActiveAttempts
from pg_scheduler.engine.running.attempt import Attempt, StopReason
from pg_scheduler.engine.running.progress_writer import ProgressWriter
from pg_scheduler.engine.running.runner import Runner
from pg_scheduler.engine.schedules.registrar import Registrar
from pg_scheduler.engine.schedules.stager import Stager
from pg_scheduler.engine.service import keep_running
from pg_scheduler.engine.settling.completer import Completer
from pg_scheduler.engine.settling.settler import Settler
from pg_scheduler.engine.tasks.registry import TaskRegistry
from pg_scheduler.engine.tasks.unknown_tasks import UnknownTasks
from pg_scheduler.ports.clock import Clock
from pg_scheduler.ports.codec import Codec
from pg_scheduler.ports.driver import ClaimRequest, Driver, SignalKind
from pg_scheduler.ports.executor import Executor
from pg_scheduler.ports.observer import Observer
from pg_scheduler.ports.schedule_store import NewSchedule

log: logging.Logger = logging.getLogger(__name__)

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
STOP_PATIENCE = 5.0
"""Seconds that cancelled attempts get to clean up before their jobs are released without them."""
FLUSH_PATIENCE = 10.0
"""Seconds that a stopping worker tries to store its last verdicts; then their leases run out."""

CANCEL_AGAIN = 6.0
"""Seconds after which a service that goes on is cancelled again: before Python 3.12 a cancellation that
meets the end of a `wait_for` is lost, and the libraries use it too. Longer than the lease keeper's thread
takes to end."""


def new_worker_id(length: int) -> str:
    """A random identity, unique per incarnation: 5 bits per character."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """What a worker is told about its work."""

    capacity: int = 25
    batch_limit: int = 10
    lease: timedelta = timedelta(seconds=60)
    heartbeat_threshold: timedelta = timedelta(seconds=120)
    max_crashes: int = 5
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    polling: PollingConfig = field(default_factory=PollingConfig)
    worker_id_length: int = 8
    retention: Mapping[JobStatus, VacuumPolicy] = field(default_factory=dict)
    """One policy per finished status; empty keeps every job."""
    retention_interval: float = 3600.0
    """Seconds between passes."""
    track_retention: bool = False
    """Whether passes are counted in daily statistics."""
    prune: bool = True
    """Whether passes are made unasked."""
    only: frozenset[str] | None = None
    """Only jobs of these names are claimed; None: of every known name."""
    blocked_after: float = 1.0
    """Seconds of a silent event loop that are worth a warning."""


class Worker:
    """Claims, runs and settles jobs. Start and stop are idempotent; a stopped worker is replaced."""

    def __init__(
        self,
        driver: Driver,
        clock: Clock,
        codec: Codec,
        registry: TaskRegistry,
        executors: Mapping[str, Executor],
        settings: WorkerSettings,
        schedules: Callable[[], Sequence[NewSchedule]] = tuple,
        learn: Callable[[Collection[str]], object] = lambda names: None,
        observers: Sequence[Observer] = (),
        worker_id: str | None = None,
        owner: object = None,
    ) -> None:
        self.worker_id: str = worker_id or new_worker_id(settings.worker_id_length)
        self.settings = settings
        self._driver = driver
        self._clock = clock
        self._observers = observers
        self.active: ActiveAttempts = ActiveAttempts(settings.capacity, settings.lease)
        self.pruner: Pruner = Pruner(
            driver, clock, settings.retention, settings.retention_interval, settings.track_retention
        )
        self._settler = Settler(
            driver,
            self.worker_id,
            clock,
            self.active,
            self.pruner.immediate if settings.prune else frozenset(),
            self._settled,
        )
        self._progress = ProgressWriter(driver, clock)
        self.runner: Runner = Runner(
            registry,
            executors,
            codec,
            clock,
            self.active,
            self._settler,
            driver,
            settings.retry,
            self._progress,
            Completer(driver, self.worker_id, clock, codec),
            owner,
        )
        self.limits: LimitKeeper = LimitKeeper(driver, clock, registry, settings.only, self.wake_for_lanes)
        self._listener = Listener(
            driver,
            {
                SignalKind.DUE: self.wake,
                SignalKind.CANCEL: self._look_for_cancellations,
                SignalKind.SCHEDULE: self._wake_stager,
                SignalKind.LANE: self.wake_for_lanes,
            },
        )
        self._claimer = Claimer(
            driver,
            self.worker_id,
            clock,
            settings.lease,
            settings.batch_limit,
            settings.polling,
            self.limits.claimable,
            self.active,
            self.start_claimed,
            self._decline_job,
            lambda: self._listener.connected,
            self.pruner.wake,
        )
        self.lease_keeper: LeaseKeeper = LeaseKeeper(
            driver,
            self.worker_id,
            clock,
            settings.lease,
            self.active,
            self._lease_lost,
            self._cancel_asked,
            self._pass_finished,
            lambda error: self.reclaimer.note_outage(),
        )
        self.reclaimer: Reclaimer = Reclaimer(
            driver,
            clock,
            settings.lease,
            settings.heartbeat_threshold,
            settings.max_crashes,
            self._reclaimed,
        )
        self.unknown_tasks: UnknownTasks = UnknownTasks(driver, clock, registry, learn)
        self.registrar: Registrar = Registrar(driver, clock, schedules)
        self.stager: Stager = Stager(
            driver, clock, settings.polling, registry, lambda: self._listener.connected, self.wake
        )
        self._loop_watch = LoopWatch(self.active.attempts, settings.blocked_after)
        self._services: dict[str, asyncio.Task[None]] = {}
        self._listeners: list[Callable[[ClaimedJob, Verdict], None]] = []
        self._hurry = asyncio.Event()
        self._stopping: asyncio.Task[None] | None = None
        self._gone = asyncio.Event()

    # --- life

    @property
    def running(self) -> bool:
        """True from start until stop has finished."""
        return bool(self._services)

    @property
    def stopped(self) -> bool:
        """True once stop has finished: this worker cannot start again, its identity is used up."""
        return self._gone.is_set()

    async def wait_stopped(self) -> None:
        """Return once stop has finished."""
        await self._gone.wait()

    def start(self) -> None:
        """Start the services. The driver must be open."""
        if self._services:
            return
        rounds = {
            "lease keeper": self.lease_keeper.keep,
            "settler": self._settler.one_round,
            "reclaimer": self.reclaimer.one_round,
            "unknown tasks": self.unknown_tasks.one_round,
            "registrar": self.registrar.one_round,
            "stager": self.stager.one_round,
            "limits": self.limits.one_round,
            "progress": self._progress.one_round,
            "claimer": self._claimer.one_round,
        }
        if self.settings.prune:
            rounds["pruner"] = self.pruner.one_round
        if self.settings.polling.listen:
            rounds["listener"] = self._listener.one_round
        for name, one_round in rounds.items():
            self._services[name] = asyncio.create_task(
                keep_running(name, one_round, self._clock, self._pass_finished),
                name=f"pg_scheduler {name}",
            )
        if self._clock.pinned() is None:  # by a pinned clock no loop is ever late
            self._loop_watch.start()
        log.info("worker started", extra={"worker_id": self.worker_id})

    async def stop(self, grace: float | None) -> None:
        """Stop claiming, let running jobs end for up to `grace` seconds (None: without limit), release the
        rest, store every verdict, and end all services.

        A second call while the first waits shortens its grace if its own is shorter. Cancelling the call
        ends the grace: whoever no longer wants to wait leaves no job behind that looks running.
        """
        if not self._services:
            return
        if self._stopping is None:
            self._stopping = asyncio.create_task(self._stop(), name="pg_scheduler stop")
        stopping = self._stopping
        try:
            _, waiting = await asyncio.wait({stopping}, timeout=None if grace is None else max(grace, 0))
        except asyncio.CancelledError:
            self._hurry.set()
            await asyncio.shield(stopping)
            raise
        if waiting:
            self._hurry.set()
        await asyncio.shield(stopping)

    async def _stop(self) -> None:
        self._claimer.stop()
        try:
            await asyncio.wait_for(self._claimer.stopped.wait(), FLUSH_PATIENCE)
        except TimeoutError:
            self._claimer.give_up()
            log.warning("a claim does not return; what it may have claimed does not start here")
        await self._first(self.active.wait_idle(), self._hurry.wait())
        await self._release_the_rest()
        try:
            await asyncio.wait_for(self._settler.wait_empty(), FLUSH_PATIENCE)
            await asyncio.wait_for(self._claimer.release_orphaned_claims(), FLUSH_PATIENCE)
            # A claim that came back only now has brought jobs, to be given back.
            await asyncio.wait_for(self._settler.wait_empty(), FLUSH_PATIENCE)
            await asyncio.wait_for(self._progress.flush(), FLUSH_PATIENCE)
            await asyncio.wait_for(self.pruner.record_settled(), FLUSH_PATIENCE)
        except (PgSchedulerError, TimeoutError) as error:
            log.error(
                "the last verdicts could not be stored; their leases will run out",
                extra={"error": str(error) or type(error).__name__},
            )
        self._loop_watch.stop()
        await self._end_services()
        await self._deregister()
        self._services.clear()
        self._gone.set()
        log.info("worker stopped", extra={"worker_id": self.worker_id})

    async def _end_services(self) -> None:
        services = set(self._services.values())
        while services:
            for service in services:
                service.cancel()
            _, services = await asyncio.wait(services, timeout=CANCEL_AGAIN)

    async def _deregister(self) -> None:
        """Leave the list of workers; last of all, because a renewal would enter it again."""
        try:
            await asyncio.wait_for(self._driver.forget_worker(self.worker_id), FLUSH_PATIENCE)
        except (PgSchedulerError, TimeoutError) as error:
            log.warning(
                "the worker stays in the list of workers", extra={"error": str(error) or type(error).__name__}
            )

    async def _release_the_rest(self) -> None:
        for attempt in self.active.attempts():
            attempt.stop(StopReason.SHUTDOWN)
        try:
            await asyncio.wait_for(self.active.wait_idle(), STOP_PATIENCE)
        except TimeoutError:
            for attempt in self.active.attempts():
                log.warning(
                    "the job does not stop; it is released while it still runs",
                    extra={"job_id": attempt.job.job_id},
                )
                self.runner.give_up(attempt)
                attempt.abandon()

    @staticmethod
    async def _first(*waits: object) -> None:
        tasks = [asyncio.ensure_future(wait) for wait in waits]  # type: ignore[call-overload]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()

    # --- what the services tell each other

    def wake(self) -> None:
        """There may be something to claim."""
        self._claimer.wake()

    def wake_for_lanes(self) -> None:
        """There may be something to claim from a lane."""
        self._claimer.wake_for_lanes()

    def tasks_changed(self) -> None:
        """Tasks are known that were not before: jobs and schedules of theirs may be waiting."""
        self.limits.look_again()
        self.wake_for_lanes()
        self.stager.wake()

    def _wake_stager(self) -> None:
        self.stager.wake()

    def _reclaimed(self) -> None:
        """Jobs were taken back: they are due again, or ended without being settled."""
        self.wake_for_lanes()
        self.stager.wake()
        self.pruner.wake()

    @property
    def listening(self) -> bool:
        """True while signals arrive."""
        return self._listener.connected

    def cancel_soon(self) -> None:
        """A running job was asked to stop: find out which, now."""
        self._look_for_cancellations()

    def _look_for_cancellations(self) -> None:
        if self.active.attempts():
            self.lease_keeper.poke()

    def start_claimed(self, job: ClaimedJob) -> Attempt:
        """Start a job that this worker has claimed."""
        attempt = self.runner.start(job)
        if self._observers:
            self._tell(lambda observer: observer.job_started(job))
        return attempt

    def _decline_job(self, job: ClaimedJob) -> None:
        log.warning("claimed too late to be started here; given back", extra={"job_id": job.job_id})
        self.runner.decline(job)

    def _lease_lost(self, lease: Lease) -> None:
        attempt = self.active.find(lease)
        if attempt is None or attempt.decided:
            return  # its verdict is on the way, and the fence will judge it
        if attempt.completion is not None:
            return  # most likely it is completed; what became of that is asked when its function ends
        log.warning("lease lost; the attempt is stopped", extra={"job_id": lease.job_id})
        attempt.stop(StopReason.LEASE_LOST)

    def _cancel_asked(self, lease: Lease) -> None:
        attempt = self.active.find(lease)
        if attempt is not None and attempt.reason is None:
            log.info("cancelling on request", extra={"job_id": lease.job_id})
            attempt.stop(StopReason.CANCEL)

    def _settled(self, attempt: Attempt, verdict: Verdict, took: float, accepted: bool) -> None:
        if log.isEnabledFor(logging.DEBUG):
            log.debug(
                "job settled",
                extra={"job_id": attempt.job.job_id, "event": verdict.event, "seconds": took},
            )
        step = transition(JobStatus.RUNNING, verdict.event)
        if step is not None and step.target is JobStatus.PENDING:
            self.wake()  # due again, perhaps before anything this worker knows of
        if attempt.job.lane is not None:
            self.wake_for_lanes()  # there is room for another
        if step is not None and accepted and self.settings.prune:
            if attempt.completion is None:
                self.pruner.settled(step.target)
            else:
                self.pruner.wake()  # written in a transaction that deletes nothing
        if attempt.job.schedule_key is not None:
            self.stager.wake()  # its next window may have been waiting for this run
        if self._observers:
            duration = timedelta(seconds=took)
            self._tell(lambda observer: observer.job_settled(attempt.job, verdict, duration, accepted))
        for told in self._listeners:
            told(attempt.job, verdict)

    def _pass_finished(self, service: str) -> None:
        self._tell(lambda observer: observer.pass_finished(service))

    def _tell(self, what: Callable[[Observer], None]) -> None:
        for observer in self._observers:
            try:
                what(observer)
            except Exception:
                log.exception("an observer failed")

    # --- one job at a time, for drain() and for people who drive the engine themselves

    @contextmanager
    def settled_to(self, told: Callable[[ClaimedJob, Verdict], None]) -> Iterator[None]:
        """Within this block `told` hears of every settled attempt."""
        self._listeners.append(told)
        try:
            yield
        finally:
            self._listeners.remove(told)

    async def claim_and_start(self) -> int:
        """Claim once and start what was claimed; how many rows were taken."""
        return (await self._look_everywhere()).taken

    async def next_due_in(self) -> timedelta | None:
        """Time until the next pending job is due; what is due already is claimed and started."""
        look = await self._look_everywhere()
        lanes = None if look.lanes_open_in is None else timedelta(seconds=look.lanes_open_in)
        return min((wait for wait in (look.next_due_in, lanes) if wait is not None), default=None)

    async def _look_everywhere(self) -> Claimed:
        """Claim without having been told that there is a reason to."""
        await self.limits.keep()
        self._claimer.wake_for_lanes(at_once=True)
        return await self._claimer.claim_once()

    async def claim_and_start_job(self, job_id: str) -> Attempt | None:
        """Claim this very job and start it; None if it is not pending."""
        request = ClaimRequest(self.worker_id, (), 1, self.settings.lease)
        with self.active.reserved(1):
            async with self._claimer.claiming():
                job = await self._driver.claim_job(job_id, request, now=self._clock.pinned())
            return None if job is None else self.start_claimed(job)

    async def finish(self, attempt: Attempt) -> None:
        """Wait until an attempt has ended and is settled, with or without services."""
        if attempt.task is not None:
            await asyncio.wait({attempt.task})
        if not self._services:
            await self._settler.flush()
            await self._progress.flush()
        await attempt.wait_settled()

    async def wait_drained(self) -> None:
        """Return once there is nothing more to do: what was started has ended and is settled, and nothing was
        found that may run here now. Services must run; also returns when they are stopped."""
        await self._first(self._drained(), self.wait_stopped())

    async def _drained(self) -> None:
        while True:
            looks = self._claimer.empty_polls
            await self.active.wait_idle()
            await self._settler.wait_empty()
            # Two looks: one may have begun before the last verdict left something due.
            for look in (looks, looks + 1):
                self.wake_for_lanes()
                await self._claimer.wait_fruitless_after(look)
            if self.active.idle and self._settler.empty:
                return

    async def finish_started(self) -> None:
        """Wait until everything that was started has ended and is settled, with or without services."""
        await self.active.wait_idle()
        if self._services:
            await self._settler.wait_empty()
        else:
            await self._settler.flush()
            await self._progress.flush()
