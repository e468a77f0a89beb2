"""What goes wrong, and how each trouble ends."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from tests.simulation.bad_rows import spoil_a_job, store_bad_schedule
from tests.simulation.crew import OUTSIDE_HOST, Crew, Slot
from tests.simulation.network import outcome_of
from tests.simulation.plan import NEW_CODE, OLD_CODE, QUEUES, TASKS, Fault, set_back_by
from tests.simulation.virtual_loop import Life
from tests.simulation.world import World


class Troubles:
    """Plays the faults of the plan, one by one, each at its time."""

    def __init__(self, world: World, crew: Crew) -> None:
        self._world = world
        self._crew = crew
        self._outages = 0

    async def play(self) -> None:
        """All of them; then everything is made to work again."""
        world = self._world
        world.network.weather = replace(world.plan.weather)
        for fault in world.plan.faults:
            await asyncio.sleep(max(fault.at - world.loop.time(), 0))
            world.faults[fault.kind] += 1
            slot = self._crew.slots[fault.slot]
            world.note(f"{fault.kind}: slot {fault.slot}, {fault.seconds:.1f} s")
            PLAYED[fault.kind](self, fault, slot)
        await asyncio.sleep(max(world.plan.chaos - world.loop.time(), 0))
        self._heal()

    def _heal(self) -> None:
        world = self._world
        world.healed = True
        world.note("everything works from now on")
        while world.undo:
            world.undo.pop(0)()
        weather = world.network.weather
        weather.lost_before = weather.lost_after = weather.refused = weather.signals_lost = 0.0
        weather.latency = min(weather.latency, 0.1)
        self._crew.everybody_knows_everything()

    def _until_over(self, seconds: float, undo: Callable[[], None]) -> None:
        """Take the fault back after so long, or when everything is healed; once."""

        def once() -> None:
            if undo in self._world.undo:
                self._world.undo.remove(undo)
                undo()

        self._world.undo.append(undo)
        self._world.later(seconds, once, OUTSIDE_HOST)

    # --- kinds

    def _kill(self, fault: Fault, slot: Slot) -> None:
        self._crew.kill(slot)

    def _pause(self, fault: Fault, slot: Slot) -> None:
        host, loop, network = slot.host, self._world.loop, self._world.network
        if host is None or host.life is not Life.RUNS:
            return
        loop.freeze(host)
        frozen = loop.time()

        def go_on() -> None:
            if host.life is Life.FROZEN:
                self._world.note("goes on", host.name)
                network.note_trouble(host, frozen)
                loop.thaw(host)

        self._until_over(fault.seconds, go_on)

    def _cut_off(self, fault: Fault, slot: Slot) -> None:
        host, network = slot.host, self._world.network
        if host is None or host.name in network.cut_off:
            return
        network.cut_off.add(host.name)
        began = self._world.loop.time()
        if self._world.chance.random() < 0.5:
            network.break_connections(lambda one: one is host)

        def rejoin() -> None:
            network.cut_off.discard(host.name)
            network.note_trouble(host, began)
            network.break_connections(lambda one: one is host)

        self._until_over(fault.seconds, rejoin)

    def _outage(self, fault: Fault, slot: Slot) -> None:
        self._store_away(fault.seconds)

    def _restart(self, fault: Fault, slot: Slot) -> None:
        self._store_away(self._world.chance.uniform(0.2, 3.0))

    def _store_away(self, seconds: float) -> None:
        network = self._world.network
        self._outages += 1
        if network.store_is_up:
            network.away = (self._world.loop.time(), math.inf)
        network.store_is_up = False
        network.break_connections(lambda host: True)

        def back() -> None:
            self._outages -= 1
            if self._outages == 0:
                network.store_is_up = True
                network.away = (network.away[0], self._world.loop.time())
                self._world.note("the store is back")

        self._until_over(seconds, back)

    def _deploy(self, fault: Fault, slot: Slot) -> None:
        slot.names = OLD_CODE if slot.names == NEW_CODE else NEW_CODE
        self._crew.ask_to_stop(slot, fault.grace)

    def _reset(self, fault: Fault, slot: Slot) -> None:
        self._world.network.break_connections(lambda host: host is slot.host)

    def _slow(self, fault: Fault, slot: Slot) -> None:
        self._change_weather(fault.seconds, latency=self._world.chance.choice([0.5, 3.0]))

    def _deaf(self, fault: Fault, slot: Slot) -> None:
        self._change_weather(fault.seconds, signals_lost=1.0)

    def _change_weather(self, seconds: float, **to: float) -> None:
        weather, fair = self._world.network.weather, self._world.plan.weather
        for name, value in to.items():
            setattr(weather, name, value)

        def clear_up() -> None:
            for name in to:
                setattr(weather, name, getattr(fair, name))

        self._until_over(seconds, clear_up)

    def _pause_task(self, fault: Fault, slot: Slot) -> None:
        world, name = self._world, world_choice(self._world)
        store, time = world.store, world.network.store_time
        outcome_of(store.limits.pause_task(name, True, now=time()))
        self._until_over(
            fault.seconds, lambda: outcome_of(store.limits.pause_task(name, False, now=time())) and None
        )

    def _pause_queue(self, fault: Fault, slot: Slot) -> None:
        world, queue = self._world, self._world.chance.choice(QUEUES)
        store, time = world.store, world.network.store_time
        outcome_of(store.limits.pause_queue(queue, True, now=time()))
        self._until_over(
            fault.seconds, lambda: outcome_of(store.limits.pause_queue(queue, False, now=time())) and None
        )

    def _clock(self, fault: Fault, slot: Slot) -> None:
        if slot.clock is not None:
            slot.clock.wrong_by += timedelta(seconds=self._world.chance.uniform(-7200, 7200))

    def _store_clock(self, fault: Fault, slot: Slot) -> None:
        self._set_store_clock(fault.seconds)

    def _store_set_back(self, fault: Fault, slot: Slot) -> None:
        before = self._world.network.store_time()
        self._set_store_clock(-set_back_by(fault))
        self._world.ledger.clock_was_set_back(before, self._world.network.store_time())

    def _set_store_clock(self, seconds: float) -> None:
        network = self._world.network
        network.store_ahead += timedelta(seconds=seconds)
        network.jumped_at = self._world.loop.time()

    def _hold(self, fault: Fault, slot: Slot) -> None:
        world = self._world
        rows, holds = world.store.state.jobs, world.holds
        unfinished = [job_id for job_id, row in rows.items() if row.unfinished]
        jobs = world.chance.sample(unfinished, min(len(unfinished), world.chance.randint(1, 4)))
        keys = [key for key in world.store.state.schedules if world.chance.random() < 0.3]
        world.note(f"somebody holds {[*jobs, *keys]}")
        holds.jobs += jobs
        holds.schedules += keys

        def let_go() -> None:
            world.note(f"nobody holds {[*jobs, *keys]} any more")
            for job_id in jobs:
                holds.jobs.remove(job_id)
                holds.let_go_at[job_id] = world.loop.time()
            for key in keys:
                holds.schedules.remove(key)

        self._until_over(fault.seconds, let_go)

    def _release(self, fault: Fault, slot: Slot) -> None:
        world = self._world
        if fault.seconds > world.plan.lease:
            self._crew.deploy_all(fault.grace, min(world.loop.time() + fault.seconds, world.plan.chaos))
        else:
            self._crew.deploy(slot, fault.grace)

    def _no_extra(self, fault: Fault, slot: Slot) -> None:
        """The worker's pool works, and it gets no connection beside it."""
        host, network = slot.host, self._world.network
        if host is None or host.name in network.no_extra:
            return
        network.no_extra.add(host.name)
        network.break_connections(lambda one: one is host)
        self._until_over(fault.seconds, lambda: network.no_extra.discard(host.name))

    def _bad_row(self, fault: Fault, slot: Slot) -> None:
        world = self._world
        spoil_a_job(world)
        store_bad_schedule(world)


def world_choice(world: World) -> str:
    """One of the tasks."""
    return world.chance.choice(TASKS)


PLAYED: dict[str, Callable[[Troubles, Fault, Slot], None]] = {
    "kill": Troubles._kill,
    "pause": Troubles._pause,
    "cut off": Troubles._cut_off,
    "outage": Troubles._outage,
    "restart": Troubles._restart,
    "deploy": Troubles._deploy,
    "reset": Troubles._reset,
    "slow": Troubles._slow,
    "deaf": Troubles._deaf,
    "pause task": Troubles._pause_task,
    "pause queue": Troubles._pause_queue,
    "clock": Troubles._clock,
    "store clock": Troubles._store_clock,
    "store set back": Troubles._store_set_back,
    "hold": Troubles._hold,
    "bad row": Troubles._bad_row,
    "release": Troubles._release,
    "no extra": Troubles._no_extra,
}
