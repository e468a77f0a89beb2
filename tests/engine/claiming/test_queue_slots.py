"""Slots of queues: at most so many jobs of a queue run at once, and no queue waits for another's slots."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from pg_scheduler import InvalidInput, PollingConfig, Scheduler, current_job
from pg_scheduler.client.source import Library
from pg_scheduler.domain.queues import QueueGroup, queue_groups, with_slots
from pg_scheduler.testing import MemoryDriver, drain
from tests.support.running import eventually


class Shop:
    """Jobs that run until they are told to end, and how many of each queue do."""

    def __init__(self) -> None:
        self.running: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.ended: list[str] = []
        self.doors: dict[str, asyncio.Semaphore] = {}

    async def work(self) -> None:
        """One job."""
        queue = current_job().queue
        self.running[queue] += 1
        self.most[queue] = max(self.most[queue], self.running[queue])
        await self.doors.setdefault(queue, asyncio.Semaphore(0)).acquire()
        self.running[queue] -= 1
        self.ended.append(queue)

    def let_go(self, queue: str, number: int = 1) -> None:
        """So many jobs of a queue may end."""
        for _ in range(number):
            self.doors[queue].release()


shop = Shop()


async def work() -> None:
    await shop.work()


@pytest.fixture(autouse=True)
def _fresh() -> None:
    shop.__init__()  # type: ignore[misc]


async def test_each_queue_has_its_own_slots_and_the_others_share_the_rest(dsn: str, library: Library) -> None:
    slow = PollingConfig(interval=50, interval_without_listen=50)
    async with Scheduler.connect(
        dsn, library=library, queues={"mail": 2, "bulk": 1, "a": None, "b": None}, max_concurrent_jobs=6,
        polling_config=slow,
    ) as scheduler:  # fmt: skip
        for queue in ("bulk", "mail", "a", "b", "elsewhere"):
            for _ in range(4):
                await scheduler.using(queue=queue).enqueue(work)
        await eventually(lambda: sum(shop.running.values()) == 6)
        assert shop.running["mail"] <= 2
        assert shop.running["bulk"] <= 1
        # Whoever ends makes room for its own queue, without any signal.
        for _ in range(3):
            shop.let_go("bulk")
            await eventually(lambda: shop.running["bulk"] == 1 or len(shop.ended) >= 4)
        for queue in ("mail", "a", "b"):
            shop.doors.setdefault(queue, asyncio.Semaphore(0))
            shop.let_go(queue, 4)
        shop.let_go("bulk")
        await eventually(lambda: len(shop.ended) == 16)
    assert shop.most["mail"] == 2
    assert shop.most["bulk"] == 1
    assert Counter(shop.ended) == {"mail": 4, "bulk": 4, "a": 4, "b": 4}


async def test_a_full_queue_keeps_no_other_from_starting() -> None:
    scheduler = Scheduler(MemoryDriver(), queues={"mail": 1, "bulk": 1}, max_concurrent_jobs=2)
    for queue in ("mail", "mail", "mail", "bulk"):
        await scheduler.using(queue=queue).enqueue(work)
    taken = [await scheduler.worker.steps.claim_and_start() for _ in range(2)]
    await eventually(lambda: sum(shop.running.values()) == 2)
    assert taken == [2, 0]
    assert shop.running == {"mail": 1, "bulk": 1}
    shop.let_go("mail", 3)
    shop.let_go("bulk")
    await scheduler.worker.steps.finish_started()
    await drain(scheduler)
    assert Counter(shop.ended) == {"mail": 3, "bulk": 1}


def test_queues_with_slots_are_groups_of_their_own() -> None:
    assert queue_groups(None) == (QueueGroup(),)
    assert queue_groups(["a", "b"]) == (QueueGroup(frozenset("ab")),)
    assert queue_groups({"a": 2, "b": None, "c": 1, "d": None}) == (
        QueueGroup(frozenset("a"), 2), QueueGroup(frozenset("c"), 1), QueueGroup(frozenset("bd")),
    )  # fmt: skip


@pytest.mark.parametrize("queues", [{"a": 0}, {"a": -1}, {"a": "2"}, {"a": True}, {"": 1}, {}])
def test_slots_are_whole_numbers_from_one(queues: Any) -> None:
    with pytest.raises(InvalidInput, match="queue"):
        Scheduler(MemoryDriver(), queues=queues)


def test_more_slots_than_the_worker_has_are_refused() -> None:
    with pytest.raises(InvalidInput, match="they need 26 slots, and the worker runs 25 jobs at once"):
        Scheduler(MemoryDriver(), queues={"a": 20, "b": 6})
    scheduler = Scheduler(MemoryDriver(), queues={"a": 20, "b": 5})
    with pytest.raises(InvalidInput, match="max_concurrent_jobs=25"):
        scheduler.reconfigure(max_concurrent_jobs=10)
    with pytest.raises(InvalidInput, match="they need 26 slots"):
        Scheduler(MemoryDriver(), queues={"a": 25, "nothing is left for it": None})


def test_queues_without_a_number_share_what_the_others_leave() -> None:
    groups = queue_groups({"a": 2, "b": None})
    assert with_slots(groups, 10) == (QueueGroup(frozenset("a"), 2), QueueGroup(frozenset("b"), 8))
    assert with_slots(queue_groups(["a", "b"]), 10) == (QueueGroup(frozenset("ab")),)
