"""Plays one seed from its first moment until everything has come to rest."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from pg_scheduler.client import fresh_ids
from pg_scheduler.client.current import note_stopped
from pg_scheduler.domain.limits import NO_LIMITS, TaskLimits
from pg_scheduler.engine.claiming import likes
from pg_scheduler.engine.claiming.likes import ALL_LOOK
from pg_scheduler.engine.running import claimed_ahead
from tests.simulation.clients import Clients
from tests.simulation.crew import OUTSIDE_HOST, Crew
from tests.simulation.end_laws import at_rest, broken_at_the_end
from tests.simulation.faults import Troubles
from tests.simulation.network import outcome_of
from tests.simulation.plan import patience_of, plan_of
from tests.simulation.threads import virtual_threads
from tests.simulation.virtual_loop import HOST, Life, Stuck
from tests.simulation.world import World, new_world

UNEXPECTED = ("a round failed", "an observer failed", "verdict refused")
"""What the engine logs when something happened that it was not made for."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one seed."""

    seed: int
    violations: tuple[str, ...]
    digest: str
    seconds: float
    """Simulated."""
    recovery: float
    """Simulated seconds from the end of all faults until everything was at rest."""
    jobs: int
    effects: int
    faults: Counter[str]


def play(seed: int, show: Callable[[str], None] | None = None) -> Outcome:
    """Play a seed; `show` gets every line of the trace."""
    plan = plan_of(seed)
    world = new_world(plan, show)
    before = random.getstate()
    random.seed(seed)
    recovery = 0.0
    try:
        likes.ALL_LOOK = plan.all_look
        with _listening_to_the_engine(world), _claiming_far_ahead(), virtual_threads(), _names_of(seed):
            recovery = world.loop.run_until_complete(_main(world))
    except Stuck as stuck:
        world.judge.violate(f"stuck: {stuck}")
    finally:
        likes.ALL_LOOK = ALL_LOOK
        random.setstate(before)
        world.loop.close()
    return Outcome(
        seed,
        tuple(world.judge.violations),
        world.trace.digest,
        world.loop.time(),
        recovery,
        len(world.ledger.jobs),
        world.judge.effects,
        world.faults,
    )


async def _main(world: World) -> float:
    _limit_queues(world)
    crew, clients = Crew(world), Clients(world)
    keepers = [_outside(world, crew.keep(slot)) for slot in crew.slots]
    wishes = clients.begin()
    await _outside(world, Troubles(world, crew).play())
    healed = world.loop.time()
    while not (at_rest(world) and all(wish.done() for wish in wishes)):
        if world.loop.time() > healed + patience_of(world.plan) or world.judge.violations:
            break
        await asyncio.sleep(0.25)
    recovery = world.loop.time() - healed
    world.note(f"at rest {recovery:.1f} s after the last fault" if at_rest(world) else "NOT at rest")
    crew.look_for_ended_services()
    crew.end()
    _, waiting = await asyncio.wait(keepers, timeout=300)
    for broken in broken_at_the_end(world):
        world.judge.violate(broken)
    if waiting:
        world.judge.violate("a worker does not shut down")
    for keeper in keepers:
        if keeper.done() and keeper.exception() is not None:
            raise keeper.exception()  # type: ignore[misc]
    for slot in crew.slots:
        if slot.host is not None:
            world.loop.kill(slot.host)
        if slot.scheduler is not None:
            note_stopped(slot.scheduler)
    world.loop.kill(clients.host)
    return recovery


def _limit_queues(world: World) -> None:
    """Somebody limits queues, and ends that."""

    def change(queue: str, limits: TaskLimits) -> None:
        outcome_of(world.store.limits.limit_queue(queue, limits, now=world.network.store_time()))
        world.note(f"the queue {queue!r} has the limits {limits}")

    for one in world.plan.queue_limits:
        world.loop.call_later(one.at, change, one.queue, one.limits, context=OUTSIDE_HOST.context)
        if one.until is not None:
            world.loop.call_later(one.until, change, one.queue, NO_LIMITS, context=OUTSIDE_HOST.context)


def _outside(world: World, what: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    return world.loop.create_task(what, context=OUTSIDE_HOST.context)


@contextmanager
def _names_of(seed: int) -> Iterator[None]:
    """The ids of workers and jobs, on which it depends who looks first."""
    chance = random.Random(f"names {seed}")
    with (
        patch("secrets.choice", chance.choice),
        patch("secrets.token_bytes", chance.randbytes),
        patch.object(fresh_ids, "_ids", type(fresh_ids._ids)()),
    ):
        yield


def _claiming_far_ahead() -> AbstractContextManager[object]:
    """Simulated jobs are few and take seconds: nobody would claim them ahead by the numbers that are for
    thousands of short ones."""
    return patch.multiple(claimed_ahead, AHEAD=20.0, SHARE=0.5, BACKLOG=0.0)


@contextmanager
def _listening_to_the_engine(world: World) -> Iterator[None]:
    """Within this block, what the engine finds unexpected is a broken law."""
    logger = logging.getLogger("pg_scheduler")
    handler = _Ear(world)
    before = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.ERROR)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.level, logger.propagate = before
        logger.setLevel(before[0])


class _Ear(logging.Handler):
    def __init__(self, world: World) -> None:
        super().__init__(logging.ERROR)
        self._world = world

    def emit(self, record: logging.LogRecord) -> None:
        host = HOST.get()
        if host is not None and host.life is Life.DEAD:
            return  # last words, which nobody hears
        if record.getMessage().startswith(UNEXPECTED):
            error = record.exc_info[1] if record.exc_info else None
            self._world.judge.violate(f"{record.name}: {record.getMessage()}: {error!r}")
