"""Puts the services of a worker together. No service knows another that it does not need."""

from __future__ import annotations

import weakref
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from pg_scheduler.domain.model import ClaimedJob, Lease, Progress
from pg_scheduler.domain.queues import with_slots
from pg_scheduler.engine.announcer import Announcer
from pg_scheduler.engine.claiming.claimer import Claimer
from pg_scheduler.engine.claiming.likes import Likes
from pg_scheduler.engine.claiming.turns import Turns
from pg_scheduler.engine.database_watch import DatabaseWatch
from pg_scheduler.engine.events import Event, Events, Reaction
from pg_scheduler.engine.leases.lease_keeper import LeaseKeeper
from pg_scheduler.engine.leases.loop_watch import LoopWatch
from pg_scheduler.engine.leases.lost_lease import AttemptStopper
from pg_scheduler.engine.leases.reclaimer import Reclaimer
from pg_scheduler.engine.leases.wish_follower import WishFollower
from pg_scheduler.engine.leases.worker_report import WorkerReport
from pg_scheduler.engine.lifespans import Lifespans
from pg_scheduler.engine.limits.limit_keeper import LimitKeeper
from pg_scheduler.engine.listener import Listener
from pg_scheduler.engine.minute_keeper import MinuteKeeper
from pg_scheduler.engine.observers import Observers
from pg_scheduler.engine.outage import Outage
from pg_scheduler.engine.read_only_watch import ReadOnlyWatch
from pg_scheduler.engine.retention.pruner import Pruner
from pg_scheduler.engine.running.active_attempts import ActiveAttempts
from pg_scheduler.engine.running.attempt import Attempt
from pg_scheduler.engine.running.claimed_ahead import ClaimedAhead
from pg_scheduler.engine.running.progress_writer import ProgressWriter
from pg_scheduler.engine.running.runner import Runner
from pg_scheduler.engine.running.starter import Starter
from pg_scheduler.engine.schedules.registrar import Registrar
from pg_scheduler.engine.schedules.schedule_keeper import ScheduleKeeper
from pg_scheduler.engine.schedules.stager import Stager
from pg_scheduler.engine.schedules.zone_review import ZoneReview
from pg_scheduler.engine.settling.after_settling import AfterSettling
from pg_scheduler.engine.settling.completer import Completer
from pg_scheduler.engine.settling.settler import Settler
from pg_scheduler.engine.tasks.passing_tasks import PassingJobs
from pg_scheduler.engine.tasks.registry import TaskRegistry
from pg_scheduler.engine.tasks.unknown_tasks import UnknownTasks
from pg_scheduler.engine.worker_settings import WorkerSettings
from pg_scheduler.ports.claims import MOST_PER_CLAIM
from pg_scheduler.ports.clock import Clock
from pg_scheduler.ports.codec import Codec
from pg_scheduler.ports.driver import Driver
from pg_scheduler.ports.executor import Executor
from pg_scheduler.ports.middleware import Middleware
from pg_scheduler.ports.observer import EventObserver, Observer
from pg_scheduler.ports.schedule_store import NewSchedule
from pg_scheduler.ports.signals import Looked, SignalKind
from pg_scheduler.ports.worker_events import (
    JobReclaimed,
    JobsClaimed,
    JobsExpired,
    ListeningChanged,
    ProgressStored,
    RoundFailed,
    SchedulesChanged,
    SchedulesRetired,
)


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What a worker receives from outside."""

    driver: Driver
    clock: Clock
    codec: Codec
    registry: TaskRegistry
    executors: Mapping[str, Executor]
    settings: WorkerSettings
    schedules: Callable[[], Sequence[NewSchedule]] = tuple
    """The schedules that this program's code wants."""
    try_import: Callable[[Collection[str]], object] = lambda names: None
    """Called with the names of tasks that due jobs or schedules wait for and nobody here knows."""
    observers: Sequence[Observer | EventObserver] = ()
    middleware: Sequence[Middleware] = ()
    """What surrounds attempts, the outermost first."""
    shut_down: Callable[[], None] = lambda: None
    """Called once if a person wants the worker to stop."""
    owner: object = None
    """The scheduler that running jobs find in their context."""


@dataclass(frozen=True, kw_only=True)
class Services:
    """The parts of one worker."""

    events: Events
    observers: Observers
    outage: Outage
    read_only: ReadOnlyWatch
    database: DatabaseWatch
    active: ActiveAttempts
    runner: Runner
    lifespans: Lifespans
    starter: Starter
    claimer: Claimer
    likes: Likes
    turns: Turns
    announcer: Announcer
    settler: Settler
    progress: ProgressWriter
    lease_keeper: LeaseKeeper
    report: WorkerReport
    minutes: MinuteKeeper
    reclaimer: Reclaimer
    limits: LimitKeeper
    listener: Listener
    pruner: Pruner
    registrar: Registrar
    schedule_keeper: ScheduleKeeper
    zone_review: ZoneReview
    stager: Stager
    unknown_tasks: UnknownTasks
    passing_jobs: PassingJobs
    loop_watch: LoopWatch

    def rounds(self, settings: WorkerSettings) -> dict[str, Callable[[], Awaitable[None]]]:
        """What runs again and again while the worker does, by service."""
        rounds: dict[str, Callable[[], Awaitable[None]]] = {
            "lease keeper": self.lease_keeper.keep,
            "report": self.report.one_round,
            "settler": self.settler.one_round,
            "reclaimer": self.reclaimer.one_round,
            "unknown tasks": self.unknown_tasks.one_round,
            "passing jobs": self.passing_jobs.one_round,
            "registrar": self.registrar.one_round,
            "schedule keeper": self.schedule_keeper.one_round,
            "stager": self.stager.one_round,
            "zone review": self.zone_review.one_round,
            "limits": self.limits.one_round,
            "progress": self.progress.one_round,
            "minutes": self.minutes.one_round,
            "claimer": self.claimer.one_round,
            "turns": self.turns.one_round,
            "announcer": self.announcer.one_round,
            "starter": self.starter.one_round,
        }
        if settings.prune:
            rounds["pruner"] = self.pruner.one_round
        if settings.polling.listen:
            rounds["listener"] = self.listener.one_round
        return rounds


class Composition:
    """Builds the services of one worker, in the order in which they need each other."""

    def __init__(self, worker_id: str, given: Surroundings) -> None:
        self._worker_id = worker_id
        self._given = given
        self._events = Events()
        self._minutes = MinuteKeeper(store=given.driver.minutes, worker_id=worker_id, clock=given.clock)
        self._observers = Observers(given.observers, given.clock, counting=self._minutes)
        # Any question will do; no job has this id.
        self._outage = Outage(given.clock, lambda: given.driver.insight.statuses([""]))
        self._read_only = ReadOnlyWatch(given.clock)
        self._database = DatabaseWatch(given.clock, self._observers.emit)
        self._lifespans = Lifespans()
        settings = given.settings
        ahead = ClaimedAhead(settings.capacity, given.clock, enabled=settings.batch_limit is None)
        self._active = ActiveAttempts(settings.capacity, settings.lease, ahead)
        self._groups = with_slots(settings.queues, settings.capacity)
        self._likes = Likes(self._groups, settings.capacity)
        self._announcer = Announcer(given.driver.signals)
        self._on_word: list[Callable[[Looked], None]] = []
        self._turns = Turns(
            worker_id=worker_id, clock=given.clock, likes=self._likes, tell=self._announcer.announce
        )
        self._listener = self._make_listener()
        self._report = WorkerReport(given.settings, given.registry.known_names, self._listening)
        self._pruner = self._make_pruner()
        self._after_settling = AfterSettling(
            events=self._events,
            observers=self._observers,
            prune=given.settings.prune,
            registry=given.registry,
        )

    def services(self) -> Services:
        """All of them, connected."""
        given, settings = self._given, self._given.settings
        driver, clock = given.driver, given.clock
        settler = self._make_settler()
        progress = ProgressWriter(jobs=driver.jobs, clock=clock, on_stored=self._note_progress)
        runner = self._make_runner(settler, progress)
        starter = Starter(
            active=self._active, clock=clock, runner=runner, on_started=self._observers.jobs_started
        )
        lease_keeper = self._make_lease_keeper()
        limits = LimitKeeper(
            limits=driver.limits,
            clock=clock,
            registry=given.registry,
            only=settings.only,
            on_kept=self._events.on(Event.LIMITS_STORED),
        )
        registrar = Registrar(
            schedules=driver.schedules,
            clock=clock,
            wanted=given.schedules,
            on_changed=lambda keys: self._observers.emit(SchedulesChanged(keys)),
        )
        made = Services(
            events=self._events,
            observers=self._observers,
            outage=self._outage,
            read_only=self._read_only,
            database=self._database,
            active=self._active,
            runner=runner,
            lifespans=self._lifespans,
            starter=starter,
            claimer=self._make_claimer(starter, runner, limits),
            likes=self._likes,
            turns=self._turns,
            announcer=self._announcer,
            settler=settler,
            progress=progress,
            lease_keeper=lease_keeper,
            report=self._report,
            minutes=self._minutes,
            reclaimer=self._make_reclaimer(lease_keeper),
            limits=limits,
            listener=self._listener,
            pruner=self._pruner,
            registrar=registrar,
            zone_review=ZoneReview(
                schedules=driver.schedules,
                clock=clock,
                registry=given.registry,
                on_moved=self._events.on(Event.WINDOWS_MOVED),
            ),
            schedule_keeper=ScheduleKeeper(
                schedules=driver.schedules,
                clock=clock,
                registry=given.registry,
                in_code=lambda: registrar.keys,
                try_import=given.try_import,
                on_retired=lambda keys: self._observers.emit(SchedulesRetired(keys)),
            ),
            stager=self._make_stager(),
            unknown_tasks=UnknownTasks(
                insight=driver.insight,
                clock=clock,
                registry=given.registry,
                try_import=given.try_import,
            ),
            passing_jobs=PassingJobs(
                insight=driver.insight,
                clock=clock,
                passing=given.registry.passing,
                ended=given.registry.job_ended,
            ),
            loop_watch=LoopWatch(_attempts_of(self._active), settings.blocked_after),
        )
        self._connect(made)
        return made

    def _connect(self, made: Services) -> None:
        def look_for_cancellations() -> None:
            if not made.active.idle:
                made.lease_keeper.poke()

        self._on_word += (made.turns.others_looked, made.reclaimer.others_looked)
        self._likes.on_change = made.lease_keeper.poke
        self._events.connect(
            {
                Reaction.CLAIM: made.claimer.wake,
                Reaction.CLAIM_FROM_LANES: made.claimer.wake_for_lanes,
                Reaction.LOOK_FOR_CANCELLATIONS: look_for_cancellations,
                Reaction.LOOK_FOR_WISHES: made.lease_keeper.poke,
                Reaction.DESCRIBE_WORKER: made.report.look_again,
                Reaction.LOOK_FOR_STRAYS: made.claimer.look_for_strays,
                Reaction.REGISTER_SCHEDULES: made.registrar.poke,
                Reaction.STAGE_WINDOWS: made.stager.wake,
                Reaction.LOOK_AFTER_SCHEDULES: made.schedule_keeper.look_again,
                Reaction.STORE_LIMITS: made.limits.look_again,
                Reaction.PRUNE: made.pruner.wake,
                Reaction.WAIT_BEFORE_RECLAIMING: made.reclaimer.note_outage,
            }
        )

    def _make_listener(self) -> Listener:
        return Listener(
            self._given.driver.signals,
            self._given.clock,
            {
                SignalKind.DUE: self._events.on(Event.JOB_DUE_SIGNAL),
                SignalKind.CANCEL: self._events.on(Event.CANCEL_SIGNAL),
                SignalKind.SCHEDULE: self._events.on(Event.SCHEDULE_SIGNAL),
                SignalKind.LANE: self._events.on(Event.LANE_SIGNAL),
                SignalKind.WORKER: self._events.on(Event.WISH_SIGNAL),
            },
            self._given.settings.polling.interval_without_listen,
            on_job=self._turns.heard,
            on_looked=self._on_looked,
            outage=self._outage,
            on_change=lambda listening: self._observers.emit(ListeningChanged(listening)),
            on_return=self._events.on(Event.SIGNALS_BACK),
        )

    def _on_looked(self, looked: Looked) -> None:
        for heard in self._on_word:
            heard(looked)

    def _make_pruner(self) -> Pruner:
        settings = self._given.settings
        return Pruner(
            retention=self._given.driver.retention,
            locks=self._given.driver.locks,
            clock=self._given.clock,
            policies=settings.retention,
            interval=settings.retention_interval,
            track=settings.track_retention,
            audit_kept=settings.audit_kept,
        )

    def _make_settler(self) -> Settler:
        return Settler(
            jobs=self._given.driver.jobs,
            insight=self._given.driver.insight,
            worker_id=self._worker_id,
            clock=self._given.clock,
            active=self._active,
            not_kept=self._pruner.immediate if self._given.settings.prune else frozenset(),
            on_settled=self._after_settling.settled,
            on_completed=self._after_settling.completed,
            on_deleted=self._pruner.deleted_as_settled,
        )

    def _make_runner(self, settler: Settler, progress: ProgressWriter) -> Runner:
        given = self._given
        return Runner(
            registry=given.registry,
            executors=given.executors,
            codec=given.codec,
            clock=given.clock,
            active=self._active,
            settler=settler,
            locks=given.driver.locks,
            retry=given.settings.retry,
            progress=progress,
            lifespans=self._lifespans,
            middleware=given.middleware,
            owner=given.owner,
            completer=Completer(
                completions=given.driver.completions,
                worker_id=self._worker_id,
                clock=given.clock,
                codec=given.codec,
            ),
        )

    def _make_claimer(self, starter: Starter, runner: Runner, limits: LimitKeeper) -> Claimer:
        given, settings = self._given, self._given.settings
        return Claimer(
            jobs=given.driver.jobs,
            insight=given.driver.insight,
            worker_id=self._worker_id,
            clock=given.clock,
            lease=settings.lease,
            batch_limit=settings.batch_limit or MOST_PER_CLAIM,
            polling=settings.polling,
            claimable=limits.claimable,
            queues=self._groups,
            active=self._active,
            start_jobs=lambda jobs: self._take(starter, jobs),
            decline_job=runner.decline,
            listening=self._listening,
            likes=self._likes,
            turns=self._turns,
            on_expired=self._note_expired,
        )

    def _take(self, starter: Starter, jobs: Sequence[ClaimedJob]) -> None:
        if self._observers.watched:
            self._observers.emit(JobsClaimed(jobs))
        starter.take(jobs)

    def _note_progress(self, reports: Mapping[Lease, Progress]) -> None:
        if self._observers.watched:
            self._observers.emit(ProgressStored({lease.job_id: one for lease, one in reports.items()}))

    def _note_expired(self, job_ids: Sequence[str]) -> None:
        self._events.emit(Event.JOBS_EXPIRED)
        self._observers.emit(JobsExpired(job_ids))

    def _make_lease_keeper(self) -> LeaseKeeper:
        stopper = AttemptStopper(self._active, self._observers.emit)
        wishes = WishFollower(
            self._active,
            self._report,
            self._worker_id,
            shut_down=self._given.shut_down,
            on_change=self._events.on(Event.WISH_CHANGED_HERE),
            tell=self._observers.emit,
        )
        return LeaseKeeper(
            driver=self._given.driver,
            worker_id=self._worker_id,
            clock=self._given.clock,
            lease=self._given.settings.lease,
            active=self._active,
            on_lost=stopper.lease_lost,
            on_cancel=stopper.cancel_requested,
            on_pass=self._note_renewal,
            report=self._report,
            on_wish=wishes.follow,
            on_failure=self._note_failed_renewal,
            max_blocked=self._given.settings.max_blocked,
            likes=self._likes,
        )

    def _note_renewal(self, service: str) -> None:
        self._read_only.renewed()
        self._database.renewed()
        self._observers.pass_finished(service)

    def _note_failed_renewal(self, error: Exception) -> None:
        self._read_only.failed(error)
        self._database.failed(error)
        self._events.emit(Event.RENEWAL_FAILED)
        self._observers.emit(RoundFailed("lease keeper", error))

    def _make_reclaimer(self, lease_keeper: LeaseKeeper) -> Reclaimer:
        settings = self._given.settings
        return Reclaimer(
            jobs=self._given.driver.jobs,
            insight=self._given.driver.insight,
            clock=self._given.clock,
            lease=settings.lease,
            heartbeat_threshold=settings.heartbeat_threshold,
            max_crashes=settings.max_crashes,
            on_reclaimed=self._events.on(Event.JOBS_RECLAIMED),
            on_ended=self._observers.job_ended,
            on_taken=lambda one: self._observers.emit(
                JobReclaimed(one.job_id, one.worker_id, one.status, one.crash_count)
            ),
            renew_own=lease_keeper.renew_overdue,
            worker_id=self._worker_id,
            likes=self._likes,
            tell=self._announcer.announce,
        )

    def _make_stager(self) -> Stager:
        return Stager(
            schedules=self._given.driver.schedules,
            clock=self._given.clock,
            polling=self._given.settings.polling,
            registry=self._given.registry,
            listening=self._listening,
            on_staged=self._events.on(Event.WINDOWS_STAGED),
            on_windows=self._observers.emit,
        )

    def _listening(self) -> bool:
        return self._listener.connected


def _attempts_of(active: ActiveAttempts) -> Callable[[], list[Attempt]]:
    """For a thread that must not keep a worker that nobody has any more."""
    watched = weakref.ref(active)

    def attempts() -> list[Attempt]:
        watched_still = watched()
        return [] if watched_still is None else watched_still.attempts()

    return attempts
