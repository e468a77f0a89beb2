"""``H``: the schedules of one task do not all start in the same minute."""

from __future__ import annotations

from pg_scheduler import Scheduler
from pg_scheduler.client.schedule_request import ScheduleFactory, ScheduleRequest
from pg_scheduler.domain.schedule import ScheduleSpec
from pg_scheduler.engine.codec.json_codec import JsonCodec
from pg_scheduler.engine.tasks.registry import TaskRegistry
from pg_scheduler.ports.schedule_store import Origin
from pg_scheduler.testing import ManualClock, MemoryDriver


async def digest(user: str) -> None:
    """Once a day, for each user."""


async def test_schedules_of_one_task_are_spread_by_their_keys() -> None:
    async with Scheduler(MemoryDriver(), clock=ManualClock()) as scheduler:
        keys = [
            await scheduler.add_schedule(digest, cron="H H * * *", args=(str(n),), key=f"digest of {n}")
            for n in range(60)
        ]
        first_runs = {(await scheduler.next_runs(key, 1))[0] for key in keys}
        assert len(first_runs) > 40


async def test_schedules_with_default_keys_are_spread_by_their_arguments_and_stay_where_they_are() -> None:
    async with Scheduler(MemoryDriver(), clock=ManualClock()) as scheduler:
        keys = [await scheduler.add_schedule(digest, cron="H H * * *", args=(str(n),)) for n in range(60)]
        first_runs = [(await scheduler.next_runs(key, 1))[0] for key in keys]
        assert len(set(first_runs)) > 40
        again = await scheduler.add_schedule(digest, cron="H H * * *", args=("7",))
        assert (await scheduler.next_runs(again, 1))[0] == first_runs[7]
        await scheduler.update_schedule(again, max_retries=3)
        assert (await scheduler.next_runs(again, 1))[0] == first_runs[7]


def test_a_schedule_without_h_is_stored_as_it_was() -> None:
    factory = ScheduleFactory(TaskRegistry(), JsonCodec(), lambda: 300)
    new = factory.build(ScheduleRequest("digest", cron="0 0 * * THU", key="weekly"), Origin.API)
    rule = ScheduleSpec.from_text(new.spec).cron
    assert rule is not None
    assert rule.hash_name == "digest", "or an upgrade would redefine every schedule of cron"
