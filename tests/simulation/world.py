"""One simulated world: a loop, a store, a network, a ledger, and what all parts need of each other."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from pg_scheduler.testing import MemoryDriver
from tests.simulation.faulty_driver import FaultyDriver
from tests.simulation.holds import Holds
from tests.simulation.judge import Judge
from tests.simulation.ledger import CodeStory, Ledger
from tests.simulation.network import Network, outcome_of
from tests.simulation.plan import LIMITS, MAX_CRASHES, Plan
from tests.simulation.trace import Trace
from tests.simulation.virtual_loop import Host, VirtualLoop


@dataclass(slots=True)
class World:
    """Everything of one seed."""

    plan: Plan
    loop: VirtualLoop
    store: MemoryDriver
    network: Network
    holds: Holds
    judge: Judge
    trace: Trace
    faults: Counter[str]
    chance: random.Random
    """For what is decided on the way."""
    crash: Callable[[Host], None] = lambda host: None
    """Kills a host a moment from now. Set by the crew."""
    healed: bool = False
    undo: list[Callable[[], None]] = field(default_factory=list)
    """What takes back the faults that are going on."""

    @property
    def ledger(self) -> Ledger:
        """What happened to each job."""
        return self.judge.ledger

    def driver_for(self, host: Host) -> FaultyDriver:
        """The store as this host sees it."""
        return FaultyDriver(host, self.store, self.network, self.holds, self.judge.watch)

    def note(self, what: str, who: str = "world") -> None:
        """One line of the trace."""
        self.trace.note(who, what)

    def later(self, seconds: float, what: Callable[[], Any], host: Host) -> None:
        """Something that the world does, whatever becomes of the host in whose place it was asked for."""
        self.loop.call_later(seconds, what, context=host.context)


def new_world(plan: Plan, show: Callable[[str], None] | None) -> World:
    """A world in which nothing has happened."""
    loop = VirtualLoop()
    store, faults, ledger = MemoryDriver(), Counter[str](), Ledger(limits=dict(LIMITS))
    if plan.code is not None:
        ledger.code = CodeStory(timedelta(seconds=plan.code.every), plan.code.overlap)
    chance = random.Random(f"world {plan.seed}")
    network = Network(loop, random.Random(f"network {plan.seed}"), faults)
    store.state.listeners.append(network.tell)
    trace = Trace(loop.time, show)
    holds = Holds(store)
    judge = Judge(store, network, holds, ledger, trace, MAX_CRASHES)
    outcome_of(store.limits.set_limits(LIMITS, now=network.store_time()))
    return World(plan, loop, store, network, holds, judge, trace, faults, chance)
