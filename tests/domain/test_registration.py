"""Two versions of the code in one fleet: the younger wins and keeps winning, until none of it is left."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from pg_scheduler.domain.identity import MAX_NAME
from pg_scheduler.domain.registration import (
    RETURNS_WITHIN,
    SILENCE,
    Known,
    Registering,
    name_within_family,
    plan_registration,
)

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
ROUND = timedelta(seconds=45)
INSERT, CONFIRM, REDEFINE, REVIVE, YIELD = Registering

Wanted = list[tuple[str, str]]
OLD: Wanted = [("every minute", "old")]
NEW: Wanted = [("every hour", "new")]
"""Another expression, so by default another key."""
EDITED: Wanted = [("every minute", "edited")]
"""The same key, for instance with more retries."""


@dataclass
class Fleet:
    """The stored schedules of one task, and the time."""

    rows: dict[str, Known] = field(default_factory=dict)
    now: datetime = NOON

    def register(self, wanted: Wanted) -> tuple[Registering, ...]:
        """What a worker of this version does when it starts or confirms; what was decided."""
        plan = plan_registration(wanted, list(self.rows.values()), self.now)
        for (key, new_hash), decision in zip(wanted, plan.decisions, strict=True):
            if decision is not YIELD:
                self._store(key, new_hash)
        for key in plan.retire:
            self.rows[key] = replace(self.rows[key], retired=True)
        return plan.decisions

    def _store(self, key: str, new_hash: str) -> None:
        row = self.rows.get(key)
        older = () if row is None else row.older_hashes
        if row is not None and row.spec_hash != new_hash:
            older = (*(one for one in older if one != new_hash), row.spec_hash)
        self.rows[key] = Known(key, new_hash, older, self.now, retired=False)

    def pass_time(self, by: timedelta) -> None:
        """Later."""
        self.now += by

    def active(self) -> set[tuple[str, str]]:
        """(key, definition) of what is due now and then."""
        return {(row.key, row.spec_hash) for row in self.rows.values() if not row.retired}


def test_what_is_new_is_inserted_and_then_confirmed() -> None:
    fleet = Fleet()
    assert fleet.register(OLD) == (INSERT,)
    fleet.pass_time(ROUND)
    assert fleet.register(OLD) == (CONFIRM,)
    assert fleet.rows["every minute"].heartbeat == fleet.now


def test_a_changed_expression_retires_the_old_row() -> None:
    fleet = Fleet()
    fleet.register(OLD)
    assert fleet.register(NEW) == (INSERT,)
    assert fleet.active() == set(NEW)
    assert fleet.rows["every minute"].retired


def test_a_changed_definition_under_the_same_key_redefines_the_row() -> None:
    fleet = Fleet()
    fleet.register(OLD)
    assert fleet.register(EDITED) == (REDEFINE,)
    assert fleet.active() == set(EDITED)


def test_an_old_worker_that_restarts_yields_to_a_new_key() -> None:
    fleet = Fleet()
    fleet.register(OLD)
    fleet.register(NEW)
    assert fleet.register(OLD) == (YIELD,)
    assert fleet.active() == set(NEW)


def test_an_old_worker_that_restarts_yields_to_a_new_definition() -> None:
    fleet = Fleet()
    fleet.register(OLD)
    fleet.register(EDITED)
    assert fleet.register(OLD) == (YIELD,)
    assert fleet.active() == set(EDITED)


def test_a_yielding_worker_does_not_keep_the_other_definition_alive() -> None:
    fleet = Fleet()
    fleet.register(OLD)
    fleet.register(EDITED)
    before = fleet.rows["every minute"].heartbeat
    fleet.pass_time(ROUND)
    fleet.register(OLD)
    assert fleet.rows["every minute"].heartbeat == before


def test_a_roll_back_comes_back_after_the_silence() -> None:
    for newer in (NEW, EDITED):
        fleet = Fleet()
        fleet.register(OLD)
        fleet.register(newer)
        fleet.pass_time(SILENCE - timedelta(microseconds=1))
        assert fleet.register(OLD) == (YIELD,)
        fleet.pass_time(timedelta(microseconds=1))
        assert fleet.register(OLD) in ((REVIVE,), (REDEFINE,))
        assert fleet.active() == set(OLD)


def test_what_was_rolled_back_can_be_deployed_again() -> None:
    for newer in (NEW, EDITED):
        fleet = Fleet()
        fleet.register(OLD)
        fleet.register(newer)
        fleet.pass_time(SILENCE)
        fleet.register(OLD)
        fleet.pass_time(SILENCE)  # now the old workers are gone in their turn
        fleet.register(newer)
        assert fleet.active() == set(newer)


@given(st.lists(st.sampled_from([OLD, NEW]), max_size=30), st.integers(1, 60))
def test_versions_with_different_keys_do_not_fight(started: list[Wanted], seconds: int) -> None:
    _younger_stays(NEW, started, timedelta(seconds=seconds))


@given(st.lists(st.sampled_from([OLD, EDITED]), max_size=30), st.integers(1, 60))
def test_versions_with_different_definitions_do_not_fight(started: list[Wanted], seconds: int) -> None:
    _younger_stays(EDITED, started, timedelta(seconds=seconds))


def _younger_stays(younger: Wanted, started: list[Wanted], between: timedelta) -> None:
    fleet = Fleet()
    fleet.register(OLD)
    fleet.register(younger)
    for version in started:
        fleet.pass_time(between)
        fleet.register(version)
        assert fleet.active() == set(younger)
        fleet.register(younger)  # one younger worker is alive and confirms


def test_a_second_schedule_of_a_task_retires_nothing() -> None:
    fleet = Fleet()
    fleet.register(OLD)
    assert fleet.register(OLD + NEW) == (CONFIRM, INSERT)
    assert fleet.active() == set(OLD + NEW)


def test_a_worker_without_the_second_schedule_leaves_it_alone_while_it_lives() -> None:
    fleet = Fleet()
    fleet.register(OLD)
    fleet.register(OLD + NEW)
    assert fleet.register(OLD) == (CONFIRM,)
    assert fleet.active() == set(OLD + NEW)
    fleet.pass_time(SILENCE)
    fleet.register(OLD)
    assert fleet.active() == set(OLD)


def test_silence_alone_retires_nothing() -> None:
    fleet = Fleet()
    fleet.register(OLD)
    fleet.pass_time(1_000 * SILENCE)
    assert fleet.register(OLD) == (CONFIRM,)
    assert fleet.active() == set(OLD)


def test_what_was_retired_for_silence_long_ago_hands_nothing_on() -> None:
    for silent, predecessors in ((RETURNS_WITHIN, ()), (RETURNS_WITHIN / 2, ("every minute",))):
        row = Known("every minute", "old", (), NOON - silent, retired=True)
        assert plan_registration(NEW, [row], NOON).predecessors == predecessors


def test_a_long_name_within_a_family_is_shortened_and_still_its_own() -> None:
    names = {name_within_family("f" * 250, f"tenant-{number}") for number in range(3)}
    assert len(names) == 3
    assert all(len(name) <= MAX_NAME for name in names)
