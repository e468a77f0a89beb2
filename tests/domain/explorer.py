"""Every history of one job under two workers, made of the pure domain functions alone.

A world is the row, the attempts that the workers believe to have, and what an all-knowing observer
remembers. An attempt may speak at any time, any number of times, with any verdict: that covers late,
repeated and contradictory messages. A worker may also be handed a copy of another's claim.

The search is breadth first, so a violation comes with the shortest history that leads to it. Two worlds
count as one if they differ only in the epochs' absolute values or in how far beyond `FAR` an attempt lags
behind the row: the rules compare epochs for equality and the row's epoch never falls, which is checked at
every step, so such worlds have the same futures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

from pg_scheduler.domain.epochs import first_epoch
from pg_scheduler.domain.lost_lease import status_after_lost_lease
from pg_scheduler.domain.misfire import misfired
from pg_scheduler.domain.settling import settles, status_after_attempt
from pg_scheduler.domain.states import FINISHED, OVERRIDES, JobEvent, JobStatus, transition
from tests.domain.invariants import Step, Violation, check
from tests.domain.world import MAX_CRASHES, Attempt, World

WORKERS = ("A", "B")
VERDICTS = (
    JobEvent.COMPLETE,
    JobEvent.RETRY,
    JobEvent.FAIL,
    JobEvent.SNOOZE,
    JobEvent.RELEASE,
    JobEvent.CONFIRM_CANCEL,
)
Fence = Callable[[JobStatus, int, str | None, JobEvent, int, str], bool]
"""The signature of `settles`."""

Move = tuple[str, JobEvent | None, Attempt | None, World]
"""What happened, as which event, by which attempt, and the world after."""


def moves(world: World, fence: Fence) -> Iterator[Move]:
    """Everything that can happen next."""
    yield from _worker_moves(world)
    yield from _verdicts(world, fence)
    yield from _moves_from_outside(world)


def _worker_moves(world: World) -> Iterator[Move]:
    if transition(world.status, JobEvent.CLAIM):
        for worker in WORKERS:
            claim = (worker, world.epoch + 1)
            after = replace(
                world,
                status=JobStatus.RUNNING,
                epoch=world.epoch + 1,
                owner=worker,
                lease_over=False,
                started=True,
                attempts=world.attempts | {claim},
                latest_claim=claim,
            )
            yield f"{worker} claims epoch {claim[1]}", JobEvent.CLAIM, None, after
    if world.status is not JobStatus.RUNNING:
        return
    for worker in WORKERS:
        copy = (worker, world.epoch)
        if copy not in world.attempts:
            after = replace(world, attempts=world.attempts | {copy})
            yield f"{worker} is handed a copy of epoch {world.epoch}", None, None, after
    if world.lease_over:
        yield f"{world.owner} renews after all", None, None, replace(world, lease_over=False)
        crashes = world.crashes + 1
        target = status_after_lost_lease(world.superseded, world.cancel_asked, crashes, MAX_CRASHES)
        event = JobEvent.EXHAUST_CRASHES if target is JobStatus.FAILED else JobEvent.LOSE_LEASE
        after = world.anew(target) if world.superseded else replace(world.left(target), crashes=crashes)
        yield f"the lease of {world.owner} is taken back", event, None, after
    else:
        yield f"the lease of {world.owner} passes", None, None, replace(world, lease_over=True)


def _verdicts(world: World, fence: Fence) -> Iterator[Move]:
    for worker, epoch in sorted(world.attempts):
        for event in VERDICTS:
            if not fence(world.status, world.epoch, world.owner, event, epoch, worker):
                continue
            target = status_after_attempt(event, world.superseded, world.cancel_asked)
            after = world.anew(target) if world.superseded else world.left(target)
            yield f"{worker} says {event} of epoch {epoch}", event, (worker, epoch), after


def _moves_from_outside(world: World) -> Iterator[Move]:
    if transition(world.status, JobEvent.EXPIRE) and misfired(timedelta(hours=1), 60, world.started):
        yield "it is too late to start", JobEvent.EXPIRE, None, world.left(JobStatus.EXPIRED)
    if transition(world.status, JobEvent.REPLACE):
        running = world.status is JobStatus.RUNNING
        after = replace(world, superseded=True, new_version_waits=True, cancel_wanted=False)
        yield "it is replaced", JobEvent.REPLACE, None, after if running else world.anew()
    if world.status in FINISHED:
        # What becomes of an attempt that still believes to have the job, nobody asks.
        yield "it is deleted, and its id stored anew", None, None, world.stored_anew(first_epoch)
    for target, event in OVERRIDES.items():
        if not transition(world.status, event) or target is world.status:
            continue
        after = replace(world.left(target), epoch=world.epoch + 1)
        if event is JobEvent.REOPEN:
            after = world.anew()
        elif event is JobEvent.CANCEL and world.status is JobStatus.PENDING:
            after = replace(world.left(target), cancel_asked=True)
        elif event is JobEvent.CANCEL:
            after = replace(
                world, cancel_asked=True, cancel_wanted=True, superseded=False, new_version_waits=False
            )
        yield f"an operator says {target}", event, None, after


@dataclass(slots=True)
class Exploration:
    """What a search found."""

    depth: int
    """Where it ended: less than asked for if there was nothing new to see."""
    steps: int = 0
    """Moves looked at."""
    worlds: dict[tuple[object, ...], World] = field(default_factory=dict)
    """One world of each kind that was reached."""
    edges: dict[tuple[object, ...], set[tuple[object, ...]]] = field(default_factory=dict)
    """From each kind of world to those that can follow."""
    violation: Violation | None = None
    """The first one, with the shortest history that leads to it."""


def explore(depth: int, fence: Fence = settles) -> Exploration:
    """Every history of at most `depth` moves, up to the first violation."""
    start = World()
    found = Exploration(0, worlds={start.fingerprint(): start})
    frontier: list[tuple[World, tuple[str, ...]]] = [(start, ())]
    while frontier and found.depth < depth:
        found.depth += 1
        further: list[tuple[World, tuple[str, ...]]] = []
        for world, history in frontier:
            follows = found.edges.setdefault(world.fingerprint(), set())
            for said, event, attempt, after in moves(world, fence):
                found.steps += 1
                told = (*history, f"{said}: {world.status} -> {after.status}")
                broken = check(Step(world, event, attempt, after))
                if broken:
                    found.violation = Violation(broken, told)
                    return found
                kind = after.fingerprint()
                follows.add(kind)
                if kind not in found.worlds:
                    found.worlds[kind] = after
                    further.append((after, told))
        frontier = further
    return found
