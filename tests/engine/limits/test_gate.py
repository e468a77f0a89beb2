"""When the lanes are worth a look."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from pg_scheduler.engine.limits.lane_gate import BUSY_SHARE, LaneGate
from pg_scheduler.ports.claims import LaneAnswer, LaneCursor
from pg_scheduler.testing import ManualClock

POLL = 30.0


def answer(more: bool = False, next_in: float | None = None, swept: bool = True) -> LaneAnswer:
    cursor = None if swept else LaneCursor("queue", "task", "lane", more_behind=more)
    return LaneAnswer((), (), more, None if next_in is None else timedelta(seconds=next_in), cursor)


class Worker:
    """A gate, and the looks that are taken through it."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.gate = LaneGate(self.clock)

    async def look(self, said: LaneAnswer, took: float = 0.0) -> None:
        """The store is asked, which takes that long."""
        requests = self.gate.requests
        await self.clock.advance(timedelta(seconds=took))
        self.gate.answered(said, requests, took, POLL)


async def test_the_first_look_needs_no_reason() -> None:
    assert Worker().gate.is_open(busy=True)


async def test_nothing_is_looked_at_again_until_somebody_asks() -> None:
    worker = Worker()
    await worker.look(answer())
    assert not worker.gate.is_open(busy=False)
    assert worker.gate.opens_in() is None
    worker.gate.request()
    assert worker.gate.is_open(busy=False)


async def test_what_is_asked_while_the_store_answers_is_not_forgotten() -> None:
    """A slot that is freed after the claim's snapshot and told before its answer is there."""
    worker = Worker()
    requests = worker.gate.requests
    worker.gate.request()
    worker.gate.answered(answer(), requests, 0.0, POLL)
    assert worker.gate.is_open(busy=False)


async def test_an_answer_that_there_is_more_opens_it_again() -> None:
    worker = Worker()
    await worker.look(answer(more=True))
    assert worker.gate.is_open(busy=False)
    assert worker.gate.opens_in() == 0


async def test_it_opens_by_itself_when_a_lane_has_something_to_give() -> None:
    worker = Worker()
    await worker.look(answer(next_in=4))
    assert worker.gate.opens_in() == 4
    await worker.clock.advance(timedelta(seconds=3.9))
    assert not worker.gate.is_open(busy=False)
    await worker.clock.advance(timedelta(seconds=0.2))
    assert worker.gate.is_open(busy=False)


async def test_it_opens_at_every_poll_for_signals_may_be_lost() -> None:
    worker = Worker()
    await worker.look(answer())
    await worker.clock.advance(timedelta(seconds=POLL + 1))
    assert worker.gate.is_open(busy=True)
    assert worker.gate.opens_in() is None, "a poll is no promise that a drain should wait for"


async def test_a_busy_worker_gives_lanes_its_small_share() -> None:
    worker = Worker()
    await worker.look(answer(more=True), took=1.0)
    await worker.clock.advance(timedelta(seconds=1 / BUSY_SHARE - 1.1))
    assert not worker.gate.is_open(busy=True)
    assert worker.gate.is_open(busy=False), "an idle worker looks sooner"
    await worker.clock.advance(timedelta(seconds=0.2))
    assert worker.gate.is_open(busy=True)


async def test_an_idle_worker_leaves_others_room_between_its_looks() -> None:
    worker = Worker()
    await worker.look(answer(more=True), took=1.0)
    wait = worker.gate.opens_in()
    assert wait is not None
    assert 0.5 <= wait <= 1.5
    assert not worker.gate.is_open(busy=False)


async def test_who_was_given_jobs_may_look_again_at_once() -> None:
    """Another slot of the lane was freed meanwhile. It stood free for as long as the look had taken."""
    worker = Worker()
    jobs: Any = ("a job",)
    await worker.look(replace(answer(), jobs=jobs), took=1.0)
    assert not worker.gate.is_open(busy=False)
    worker.gate.request()
    assert worker.gate.is_open(busy=False)
    assert not worker.gate.is_open(busy=True)


async def test_what_a_lane_gives_while_the_worker_keeps_back_is_waited_for() -> None:
    """It was looked for over and over until then, at once each time."""
    worker = Worker()
    await worker.look(answer(next_in=0.1), took=1.0)
    await worker.clock.advance(timedelta(seconds=0.2))
    wait = worker.gate.opens_in()
    assert not worker.gate.is_open(busy=False)
    assert wait is not None
    assert wait > 0
    await worker.clock.advance(timedelta(seconds=wait + 0.001))
    assert worker.gate.is_open(busy=False)


async def test_asking_at_once_costs_what_it_costs() -> None:
    worker = Worker()
    await worker.look(answer(), took=1.0)
    worker.gate.request(at_once=True)
    assert worker.gate.is_open(busy=True)


async def test_what_the_first_lanes_promised_holds_until_the_last_were_looked_at() -> None:
    worker = Worker()
    await worker.look(answer(more=True, next_in=5, swept=False))
    await worker.look(answer())
    assert worker.gate.opens_in() == 5
    await worker.look(answer())
    assert worker.gate.opens_in() is None, "a new round knows better"
