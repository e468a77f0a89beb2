"""Rows that nobody can make sense of, written past the engine."""

from __future__ import annotations

from dataclasses import replace

from pg_scheduler.ports.schedule_store import NewSchedule, Origin
from pg_scheduler.testing.memory.stored_schedule import StoredSchedule
from tests.simulation.world import World

BAD_SCHEDULE = "bad"
"""What the keys of such schedules begin with."""
NONSENSE = ("", "nonsense", "[1]", '{"args": 1, "kwargs": {}}', '{"args": [1, 2, 3], "kwargs": {}}')
"""Arguments that are none."""
UNREADABLE = ("", "{}", '{"every": "soon"}')
"""Specs of schedules."""


def spoil_a_job(world: World) -> None:
    """One job that waits holds nonsense from now on, if one does."""
    waiting = [row for row in world.store.state.jobs.values() if row.never_began]
    if waiting:
        row = world.chance.choice(waiting)
        row.new = replace(row.new, task_data=world.chance.choice(NONSENSE))
        world.ledger.spoilt.add(row.job_id)
        world.note(f"{row.job_id} holds {row.new.task_data!r}")


def store_bad_schedule(world: World) -> None:
    """There is one more schedule, which nobody can read."""
    rows = world.store.state.schedules
    key = f"{BAD_SCHEDULE}-{len(rows)}"
    new = NewSchedule(key, "plain", world.chance.choice(UNREADABLE), key, origin=Origin.API)
    now = world.network.store_time()
    rows[key] = StoredSchedule(new, now, now)
