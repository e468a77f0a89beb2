"""Keeps a worker in each slot, as a supervisor would: whatever ends, another begins."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import cast

from pg_scheduler import PollingConfig, Scheduler
from pg_scheduler.client.batch_limit import UNSAID
from pg_scheduler.client.current import note_stopped
from pg_scheduler.client.schedule_request import ScheduleRequest
from pg_scheduler.domain.errors import DatabaseError
from pg_scheduler.domain.retention import VacuumConfig, VacuumPolicy
from pg_scheduler.domain.retry import RetryPolicy
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.engine.tasks.registry import TaskOptions
from pg_scheduler.ports.driver import Driver
from tests.simulation.clock import HostClock
from tests.simulation.handlers import handler_for
from tests.simulation.plan import LIMITS, MAX_CRASHES, NEW_CODE, RELEASES, CodePlan, Release, SlotPlan
from tests.simulation.virtual_loop import Host, Life
from tests.simulation.world import World

SERVICES = frozenset(
    {
        *("lease keeper", "settler", "reclaimer", "unknown tasks", "registrar", "stager", "limits"),
        *("schedule keeper", "zone review", "progress", "claimer", "starter", "pruner", "passing jobs"),
    }
)
"""What every worker does all its life."""
RETRY = RetryPolicy(base=timedelta(seconds=2), cap=timedelta(seconds=8), jitter=0.5)


@dataclass(slots=True)
class Slot:
    """Where one worker runs at a time."""

    number: int
    plan: SlotPlan
    names: tuple[str, ...]
    queues: Mapping[str, int | None] | None
    release: int = 0
    """What its next worker is to be."""
    runs: int = 0
    """The release of its worker."""
    incarnations: int = 0
    host: Host | None = None
    scheduler: Scheduler | None = None
    clock: HostClock | None = None
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    grace: float | None = None
    started: bool = False
    died: asyncio.Event = field(default_factory=asyncio.Event)


class Crew:
    """All slots."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.slots = [
            Slot(number, plan, plan.names, plan.queues) for number, plan in enumerate(world.plan.slots)
        ]
        self._over = False
        self._closed_until = 0.0
        """When workers may start again, in simulated seconds."""
        code = world.plan.code
        self._release, self._seen = 0 if code is None else code.first, -1
        """The latest release that is out, and the latest of which a worker has started."""
        for slot in self.slots:
            slot.release = self._release
        world.crash = self._crash_soon

    async def keep(self, slot: Slot) -> None:
        """Run one worker after the other until all is over."""
        while not self._over:
            host = slot.host = self._new_host(slot)
            slot.stop, slot.died, slot.started = asyncio.Event(), asyncio.Event(), False
            living = self._world.loop.create_task(self._live(slot), context=host.context)
            died = asyncio.ensure_future(slot.died.wait())
            await asyncio.wait({living, died}, return_when=asyncio.FIRST_COMPLETED)
            died.cancel()
            if slot.scheduler is not None:
                note_stopped(slot.scheduler)  # one that was killed cannot say so itself
            if host.life is not Life.DEAD:
                self._look_for_leftovers(living, host)
                self._world.loop.kill(host)
            if not self._over:
                await asyncio.sleep(self._world.chance.uniform(0.2, 3.0))
                await asyncio.sleep(max(self._closed_until - self._world.loop.time(), 0.0))

    def _new_host(self, slot: Slot) -> Host:
        slot.incarnations += 1
        host = Host(f"w{slot.number}.{slot.incarnations}")
        host.awake_since = self._world.loop.time()
        slot.runs = slot.release
        slot.clock = HostClock(self._world.network, timedelta(seconds=slot.plan.wrong_by))
        slot.scheduler = host.context.run(self._scheduler, host, slot)
        return host

    async def _live(self, slot: Slot) -> None:
        scheduler, host = slot.scheduler, slot.host
        assert scheduler is not None
        assert host is not None
        try:
            await scheduler.start()
        except DatabaseError:
            self._world.note("could not start", host.name)
            await scheduler.shutdown(0)
            return
        self._world.note("started", host.name)
        slot.started = True
        self._seen = max(self._seen, slot.runs)
        await slot.stop.wait()
        worker_id = scheduler.worker_id
        await scheduler.shutdown(slot.grace)
        self._world.note("shut down", host.name)
        self._look_for_kept_jobs(host, worker_id)

    def _scheduler(self, host: Host, slot: Slot) -> Scheduler:
        plan = slot.plan
        scheduler = Scheduler(
            cast(Driver, self._world.driver_for(host)),
            max_concurrent_jobs=plan.capacity,
            misfire_grace_time=None,
            batch_claim_limit=UNSAID if plan.batch_limit is None else plan.batch_limit,
            polling_config=PollingConfig(interval=plan.poll, listen=plan.listens),
            retry_policy=RETRY,
            max_crashes=MAX_CRASHES,
            clock=slot.clock,
            periodic_jobs_enabled=False,
            queues=slot.queues,
            vacuum_config=VacuumConfig(
                completed=None if self._world.plan.keep_completed else VacuumPolicy.immediate(),
                interval_minutes=1,
            ),
        )
        scheduler.reconfigure(lease=self._world.plan.lease)
        if plan.preloaded:
            _inherit_identity(scheduler)
        for name in slot.names:
            scheduler.register_task(
                handler_for(self._world, host), TaskOptions(name=name, limits=LIMITS.get(name))
            )
        code, release = self._world.plan.code, RELEASES[slot.runs]
        if code is not None:
            scheduler.register_task(handler_for(self._world, host), TaskOptions(name=release.task))
            scheduler.schedules.adopt(request_of(code, release))
        if plan.threaded:
            assert slot.clock is not None
            scheduler.worker.services.lease_keeper._clock = slot.clock.unpinned()
        return scheduler

    def _look_for_leftovers(self, living: asyncio.Task[None], host: Host) -> None:
        if living.exception() is not None:
            self._world.judge.violate(f"{host.name} ended with {living.exception()!r}")
        left = [task.get_name() for task in host.unfinished()]
        if left:
            self._world.judge.violate(f"{host.name} has shut down and left tasks: {left}")

    def _look_for_kept_jobs(self, host: Host, worker_id: str) -> None:
        """Nothing looks as if it ran in a worker that has shut down, unless it could not say so."""
        world = self._world
        for job_id, row in world.store.state.jobs.items():
            if row.status is JobStatus.RUNNING and row.worker_id == worker_id:
                at = world.ledger.story(job_id).grants[-1].at
                if world.holds.held_since(job_id, at):
                    continue
                if not any(ended >= at for _, ended in world.network.trouble.get(host.name, ())):
                    world.judge.violate(f"{host.name} has shut down and left {job_id} running")

    def look_for_ended_services(self) -> None:
        """Whatever a worker went through, all of its services go on."""
        for slot in self.slots:
            host = slot.host
            if host is None or host.life is not Life.RUNS or not slot.started or slot.stop.is_set():
                continue
            expected = {*SERVICES, "listener"} if slot.plan.listens else SERVICES
            running = {task.get_name().removeprefix("pg_scheduler ") for task in host.unfinished()}
            if not expected <= running:
                self._world.judge.violate(f"{host.name} goes on without {sorted(expected - running)}")

    # --- what happens to workers

    def kill(self, slot: Slot) -> None:
        """The worker is gone, as by SIGKILL."""
        host = slot.host
        if host is not None and host.life is not Life.DEAD:
            self._world.note("killed", host.name)
            self._world.loop.kill(host)
            self._world.network.break_connections(lambda one: one is host)
            slot.died.set()

    def _crash_soon(self, host: Host) -> None:
        slot = next(slot for slot in self.slots if slot.host is host)
        self._world.faults["jobs that kill"] += 1
        self._world.later(0, lambda: self.kill(slot), OUTSIDE_HOST)

    def ask_to_stop(self, slot: Slot, grace: float | None) -> None:
        """The worker is told to shut down."""
        slot.grace = grace
        slot.stop.set()

    def deploy(self, slot: Slot, grace: float) -> None:
        """The next worker there is of the latest release; where that runs already, a newer one comes out. No
        release is left out, the first one neither: a schedule that gets another task and another key at once
        is another, and of two definitions the one that is stored last is taken for the newer one."""
        if slot.release == self._release == self._seen:
            self._release = min(self._release + 1, len(RELEASES) - 1)
        slot.release = self._release
        self.ask_to_stop(slot, grace)

    def deploy_all(self, grace: float, until: float) -> None:
        """As `deploy`, for all at once, with a downtime until then: windows and runs wait for the release."""
        self._closed_until = until
        for slot in self.slots:
            self.deploy(slot, grace)

    def everybody_knows_everything(self) -> None:
        """From the next worker on, which serves all queues; those that do not are told to make way."""
        for slot in self.slots:
            if (slot.names, slot.queues, slot.runs) != (NEW_CODE, None, self._release):
                slot.names, slot.queues, slot.release = NEW_CODE, None, self._release
                self.ask_to_stop(slot, 0.0)

    def end(self) -> None:
        """No worker follows those that run."""
        self._over = True
        for slot in self.slots:
            self.ask_to_stop(slot, None)


PARENT = "parent"


def _inherit_identity(scheduler: Scheduler) -> None:
    """As in the child of a process that has drawn one."""
    scheduler._host._worker_id, scheduler._host._process = PARENT, -1


def request_of(code: CodePlan, release: Release) -> ScheduleRequest:
    """The schedule as a release has it in its code."""
    return ScheduleRequest(
        task=release.task,
        key=release.key,
        every=timedelta(seconds=code.every),
        catch_up=code.catch_up,
        overlap=code.overlap,
        use_advisory_lock=code.exclusive,
        misfire_grace_time=None,
    )


OUTSIDE_HOST = Host("outside")
"""In whose place the world itself acts."""
