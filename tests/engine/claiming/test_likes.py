"""Who looks first, and who knows that another does."""

from __future__ import annotations

import pytest

from pg_scheduler.domain.queues import QueueGroup
from pg_scheduler.engine.claiming.likes import ALL_LOOK, STEP, Likes, group_of
from pg_scheduler.ports.leases import Fleet
from pg_scheduler.ports.signals import Signal, SignalKind

MANY = 40
STORED = Signal(SignalKind.DUE, "job", 1, 0.0, "mail", "send")


def likes(place: int = 0, number: int = MANY, capacity: int = 25) -> Likes:
    made = Likes((QueueGroup(),), capacity)
    made.claims(frozenset({"send"}))
    made.renewed(made.digest, Fleet(number, number, place))
    return made


def waits(signal: Signal, number: int = MANY) -> list[float]:
    return sorted(likes(place, number).wait_for(signal) for place in range(number))


def test_of_many_one_looks_at_once_and_the_others_in_growing_groups() -> None:
    found = waits(STORED)
    assert [found.count(step * STEP) for step in range(7)] == [1, 2, 4, 8, 16, 9, 0]


def test_another_job_has_another_first_in_line() -> None:
    firsts = {
        next(
            place
            for place in range(MANY)
            if not likes(place).wait_for(Signal(SignalKind.DUE, f"job {number}"))
        )
        for number in range(200)
    }
    assert len(firsts) > MANY / 2


def test_of_a_burst_as_many_look_at_once_as_have_slots_for_it() -> None:
    assert waits(Signal(SignalKind.DUE, "job", 250)).count(0) == 10
    assert waits(Signal(SignalKind.DUE, "job", 1000)).count(0) == MANY


def test_few_look_all_at_once() -> None:
    assert waits(STORED, ALL_LOOK) == [0] * ALL_LOOK
    assert likes(0, ALL_LOOK).wait_for_time() == 0


def test_nobody_else_looks_at_once_where_who_caused_the_signal_does() -> None:
    assert min(waits(Signal(SignalKind.LANE))) >= STEP


def test_at_a_time_that_all_know_of_few_look_at_once_and_seldom_nobody() -> None:
    at_once = [sum(not likes().wait_for_time() for _ in range(MANY)) for _ in range(300)]
    assert 1 < sum(at_once) / 300 < 3
    assert at_once.count(0) < 100


def test_what_a_renewal_told_of_other_names_holds_no_longer() -> None:
    told = likes(5)
    assert told.many
    told.claims(frozenset({"send", "receive"}))
    assert not told.many
    assert told.wait_for(STORED) == 0


def test_a_change_of_names_is_told_once() -> None:
    told, changes = Likes((QueueGroup(),), 25), []
    told.on_change = lambda: changes.append(told.digest)
    for names in ({"send"}, {"send"}, {"receive"}):
        told.claims(frozenset(names))
    assert len(set(changes)) == len(changes) == 2


@pytest.mark.parametrize(
    ("signal", "concerned"),
    [
        (STORED, True),
        (Signal(SignalKind.DUE), True),
        (Signal(SignalKind.DUE, queue="mail"), True),
        (Signal(SignalKind.DUE, queue="bulk", task_name="send"), False),
        (Signal(SignalKind.DUE, queue="mail", task_name="receive"), False),
    ],
)
def test_what_a_worker_does_not_take_does_not_concern_it(signal: Signal, concerned: bool) -> None:
    one = Likes((QueueGroup(frozenset({"mail"})),), 25)
    one.claims(frozenset({"send"}))
    assert one.concerns(signal) is concerned


def test_workers_are_likes_if_they_claim_the_same_and_as_much() -> None:
    def digest(names: set[str], queues: frozenset[str] | None = None, capacity: int = 25) -> str:
        one = Likes((QueueGroup(queues),), capacity)
        one.claims(frozenset(names))
        return one.digest

    assert digest({"a", "b"}) == digest({"b", "a"})
    assert len({digest({"a"}), digest({"b"}), digest({"a"}, frozenset({"q"})), digest({"a"}, None, 1)}) == 4


@pytest.mark.parametrize(("place", "first", "group"), [(0, 1, 0), (1, 1, 1), (2, 1, 1), (3, 1, 2), (7, 1, 3)])
def test_groups_double(place: int, first: int, group: int) -> None:
    assert group_of(place, first) == group
    assert group_of(place * 10, first * 10) == group
