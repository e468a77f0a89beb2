"""When a worker looks, by a clock that stands still until it is moved."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from pg_scheduler.domain.queues import QueueGroup
from pg_scheduler.engine.claiming.group_claims import Claimed
from pg_scheduler.engine.claiming.likes import STEP, Likes
from pg_scheduler.engine.claiming.turns import Turns
from pg_scheduler.ports.leases import Fleet
from pg_scheduler.ports.signals import Looked, Signal, SignalKind
from pg_scheduler.testing import ManualClock

MANY = 40
NOTHING = Claimed(0, filled=False)
ONE = Claimed(1, filled=False)


def signal_for(wait: float, kind: SignalKind = SignalKind.DUE, due_in: float = 0.0) -> Signal:
    """One after which the worker of place 0 waits so long for others."""
    likes = Likes((QueueGroup(),), 25)
    likes.renewed("", Fleet(MANY, MANY, 0))
    signals = (Signal(kind, f"job {number}", 1, due_in) for number in range(10_000))
    return next(one for one in signals if likes.wait_for(one) == pytest.approx(wait))


AT_ONCE, SECOND = signal_for(0), signal_for(STEP)


@dataclass
class Stage:
    """Turns of one worker, and what they did."""

    clock: ManualClock
    likes: Likes
    turns: Turns
    did: list[str] = field(default_factory=list)
    told: list[Looked] = field(default_factory=list)

    async def advance(self, seconds: float) -> list[str]:
        """What is done by then."""
        await asyncio.sleep(0)
        await self.clock.advance(timedelta(seconds=seconds))
        for _ in range(20):
            await asyncio.sleep(0)
        done, self.did[:] = list(self.did), []
        return done

    def look(self, claimed: Claimed) -> None:
        """The claimer looks, and has seen that."""
        self.turns.looking()
        self.turns.looked(claimed)

    def others(self, **said: object) -> None:
        """One of the likes tells that it has looked."""
        self.turns.others_looked(Looked("other", self.likes.digest, **said))  # type: ignore[arg-type]


@asynccontextmanager
async def staged(number: int = MANY) -> AsyncIterator[Stage]:
    clock, likes = ManualClock(), Likes((QueueGroup(),), 25)
    likes.claims(frozenset({"task"}))
    likes.renewed(likes.digest, Fleet(number, number, 0))
    told: list[Looked] = []
    stage = Stage(clock, likes, Turns(worker_id="me", clock=clock, likes=likes, tell=told.append), told=told)
    stage.turns.connect(lambda: stage.did.append("look"), lambda: stage.did.append("include lanes"))

    async def serve() -> None:
        while True:
            await stage.turns.one_round()

    serving = asyncio.create_task(serve())
    try:
        yield stage
    finally:
        serving.cancel()


async def test_the_first_in_line_looks_at_once_and_the_second_a_moment_later() -> None:
    async with staged() as stage:
        stage.turns.heard(AT_ONCE)
        assert stage.did == ["look"]
        stage.did.clear()
        stage.turns.heard(SECOND)
        assert await stage.advance(STEP * 0.9) == []
        assert await stage.advance(STEP * 0.2) == ["look"]


async def test_who_is_told_that_another_looked_does_not_look() -> None:
    async with staged() as stage:
        stage.turns.heard(SECOND)
        stage.others()
        assert await stage.advance(60) == []


async def test_the_word_of_others_that_claim_something_else_counts_for_nothing() -> None:
    async with staged() as stage:
        stage.turns.heard(SECOND)
        stage.turns.others_looked(Looked("other", "another digest"))
        stage.turns.others_looked(Looked("me", stage.likes.digest))
        assert await stage.advance(STEP * 1.1) == ["look"]


async def test_a_word_on_leases_says_nothing_of_jobs() -> None:
    async with staged() as stage:
        stage.turns.heard(SECOND)
        stage.others(leases_end_in=3.0)
        assert await stage.advance(STEP * 1.1) == ["look"]


async def test_what_is_signalled_during_a_look_is_looked_for_by_who_looked() -> None:
    async with staged() as stage:
        stage.turns.looking()
        stage.turns.heard(SECOND)
        stage.turns.looked(ONE)
        assert await stage.advance(STEP * 1.1) == ["look"]


async def test_what_is_signalled_during_a_look_is_not_left_to_others_that_may_have_missed_it_too() -> None:
    """Two look at once, and both before something is stored. Each hears of it and then the other's word."""
    async with staged() as stage:
        stage.turns.heard(AT_ONCE)
        stage.turns.looking()
        stage.turns.heard(SECOND)
        stage.others()
        stage.turns.looked(ONE)
        stage.did.clear()
        assert await stage.advance(STEP * 1.1) == ["look"]


async def test_what_is_signalled_before_the_word_arrives_is_not_left_to_others_either() -> None:
    async with staged() as stage:
        stage.turns.heard(AT_ONCE)
        stage.look(ONE)
        stage.did.clear()
        stage.turns.heard(SECOND)
        stage.others()
        assert await stage.advance(STEP * 1.1) == ["look"]
        stage.look(NOTHING)
        stage.turns.others_looked(stage.told[-1])
        stage.turns.heard(SECOND)
        stage.others()
        assert await stage.advance(60) == []


async def test_a_look_answers_what_was_signalled_before_it() -> None:
    async with staged() as stage:
        stage.turns.heard(SECOND)
        stage.look(ONE)
        assert await stage.advance(60) == []


async def test_a_look_is_told_where_others_wait_for_the_same() -> None:
    async with staged() as stage:
        stage.turns.heard(AT_ONCE)
        stage.look(Claimed(1, filled=False, next_due_in=timedelta(seconds=7)))
        assert stage.told == [Looked("me", stage.likes.digest, 7.0, number=1)]
        stage.look(ONE)  # a poll: nobody waits for it
        assert len(stage.told) == 1
        stage.turns.heard(SECOND)
        stage.look(NOTHING)
        assert len(stage.told) == 2


@pytest.mark.parametrize(
    "claimed",
    [
        Claimed(25, filled=True),
        Claimed(1, filled=False, complete=False),
        Claimed(0, filled=False, passed_over=True),
        Claimed(0, filled=False, lanes_held=True),
    ],
    ids=["there may be more", "queues were left out", "somebody holds some", "somebody holds lanes"],
)
async def test_who_has_not_seen_the_end_tells_nothing(claimed: Claimed) -> None:
    async with staged() as stage:
        stage.turns.heard(AT_ONCE)
        stage.look(claimed)
        assert stage.told == []


async def test_who_looked_too_early_by_a_hair_tells_nothing_and_looks_again() -> None:
    early = Claimed(0, filled=False, next_due_in=timedelta(milliseconds=1), lanes_open_in=9.0)
    for _ in range(20):  # whatever chance would have said
        async with staged() as stage:
            stage.turns.heard(AT_ONCE)
            stage.look(early)
            assert stage.told == []
            assert await stage.advance(0.001) == ["look", "look"]
            stage.look(ONE)
            assert [one.lanes_open_in for one in stage.told] == [None]
            assert "look" in await stage.advance(20)


async def test_few_tell_nothing() -> None:
    async with staged(number=3) as stage:
        stage.turns.heard(SECOND)
        assert stage.did == ["look"]
        stage.look(ONE)
        assert stage.told == []


async def test_few_find_out_for_themselves_when_a_job_for_later_is_due() -> None:
    """Who heard of it late, as its loop was blocked, would start it late."""
    async with staged(number=3) as stage:
        stage.turns.heard(signal_for(0, due_in=5))
        assert stage.did == ["look"]


async def test_a_job_for_later_is_looked_for_at_its_time_by_who_only_heard_of_it() -> None:
    async with staged() as stage:
        stage.turns.heard(signal_for(0, due_in=5))
        assert await stage.advance(4.9) == []
        assert await stage.advance(0.2) == ["look"]


async def test_a_word_on_what_is_due_now_leaves_what_is_due_later() -> None:
    async with staged() as stage:
        stage.turns.heard(signal_for(0, due_in=5))
        stage.turns.heard(SECOND)
        stage.others()
        assert await stage.advance(4.9) == []
        assert await stage.advance(0.2) == ["look"]


async def test_who_is_told_when_the_next_job_is_due_looks_then() -> None:
    async with staged() as stage:
        stage.others(jobs_due_in=5.0)
        assert await stage.advance(4.9) == []
        assert await stage.advance(0.1 + 8 * STEP) == ["look"]


async def test_a_look_that_said_when_the_next_job_is_due_is_followed_by_one_then() -> None:
    async with staged(number=1) as stage:
        stage.look(Claimed(1, filled=False, next_due_in=timedelta(seconds=3), lanes_open_in=2.0))
        assert await stage.advance(1.9) == []
        assert await stage.advance(0.2) == ["look"]
        assert await stage.advance(1) == ["look"]


async def test_a_word_on_jobs_outside_lanes_says_nothing_of_lanes() -> None:
    async with staged() as stage:
        stage.turns.heard(signal_for(STEP, SignalKind.LANE))
        stage.others()
        assert await stage.advance(STEP * 1.1) == ["include lanes", "look"]
        stage.look(NOTHING)
        stage.turns.others_looked(stage.told[-1])
        stage.turns.heard(signal_for(STEP, SignalKind.LANE))
        stage.others(lanes=True)
        assert await stage.advance(60) == []


async def test_who_looks_looks_at_the_lanes_that_wait_for_it_as_well() -> None:
    async with staged() as stage:
        stage.turns.heard(signal_for(STEP, SignalKind.LANE))
        stage.turns.looking()
        assert stage.did == ["include lanes"]


async def test_who_took_from_lanes_says_so_whatever_made_it_look() -> None:
    async with staged() as stage:
        stage.look(Claimed(1, filled=False, lanes_seen=True, lanes_open_in=4.0))
        assert stage.told == [Looked("me", stage.likes.digest, None, True, 4.0, 1)]
