"""What a schedule inherits from those whose place it takes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from pg_scheduler.domain.registration import SILENCE, Known
from pg_scheduler.domain.schedule import ScheduleSpec
from pg_scheduler.domain.succession import (
    AHEAD,
    MOST_REMEMBERED,
    Wanted,
    continued,
    paired,
    plan_registrations,
    redefined,
)

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def spec(minutes: int = 1) -> str:
    return ScheduleSpec(every=minutes * MINUTE).text()


def known(key: str, minutes: int = 1, task: str = "task", **facts: object) -> Known:
    made = Known(key, key, (), NOON, retired=False, task_name=task, spec=spec(minutes))
    return replace(made, **facts)  # type: ignore[arg-type]


def wanted(key: str, minutes: int = 1, task: str = "task") -> Wanted:
    return Wanted(key, task, spec(minutes), key)


minutes = st.integers(1, 90)
times = st.integers(0, 6_000).map(lambda seconds: NOON + timedelta(seconds=seconds))


@given(minutes, minutes, times, times)
def test_another_rule_loses_no_window_that_was_due_and_opens_none_that_was_decided(
    before: int, after: int, mark: datetime, now: datetime
) -> None:
    old, young = ScheduleSpec(every=before * MINUTE), ScheduleSpec(every=after * MINUTE)
    next_window = old.next_after(mark)
    kept, first = continued(young.text(), old.text(), next_window, mark, now)
    if mark - now > AHEAD:
        assert (kept, first) == (now, young.next_after(now))
        return
    assert kept == mark
    assert first is not None
    assert first > mark
    due = [window for window in _windows(young, mark, now) if window >= next_window]
    assert due == [window for window in _windows(young, mark, now) if window >= first]


def _windows(of: ScheduleSpec, after: datetime, until: datetime) -> list[datetime]:
    found = []
    window = of.next_after(after)
    while window <= until:
        found.append(window)
        window = of.next_after(window)
    return found


def test_a_key_that_comes_back_goes_on_with_the_windows_of_who_had_taken_its_place() -> None:
    """Also if that one was retired before, and heard of earlier than the key itself, as the clock was set
    back in between."""
    replaced = known("old", retired=True, heartbeat=NOON + MINUTE, mark=NOON)
    successor = known("new", retired=True, stands_for=("old",), mark=NOON, next_window=NOON + 2 * MINUTE)
    plan = plan_registrations([wanted("old")], [replaced, successor], NOON + 5 * MINUTE)
    ((key, standing),) = plan.put
    assert (key, standing.mark, standing.next_window) == ("old", NOON, NOON + 2 * MINUTE)


def test_rows_of_the_same_windows_succeed_each_other_and_then_those_in_order() -> None:
    heirs = [wanted("x", 3), wanted("y", 2), wanted("z", 9)]
    parents = paired(heirs, [known("c", 7), known("a", 2), known("b", 5)])
    assert {heir: parent.key for heir, parent in parents.items()} == {"x": "b", "y": "a", "z": "c"}
    assert set(paired(heirs, [known("a")])) == {"x"}
    assert paired(heirs, []) == {}


def test_what_cannot_be_read_is_succeeded_all_the_same() -> None:
    assert paired([wanted("x")], [replace(known("a"), spec="?")])["x"].key == "a"
    assert continued(spec(), "?", NOON, None, NOON + MINUTE) == (None, NOON)


def test_a_key_that_moves_to_another_task_of_the_same_program_is_not_retired_by_the_first() -> None:
    rows = [known("moves", task="first"), known("stays", 2, task="first")]
    moves, stays = wanted("moves", task="second"), wanted("stays", 2, task="first")
    plan = plan_registrations([moves, stays], rows, NOON)
    assert (plan.replace, plan.abandon) == ((), ())
    assert sorted(plan.confirm) == ["moves", "stays"]
    changed = plan_registrations([moves, replace(stays, spec_hash="another")], rows, NOON)
    assert (changed.replace, changed.abandon, changed.confirm) == ((), (), ("moves",))


def test_one_that_takes_the_place_of_several_opens_no_window_that_any_of_them_has_decided() -> None:
    behind = known("a", mark=NOON - 9 * MINUTE, next_window=NOON - 8 * MINUTE)
    ahead = known("b", 2, mark=NOON - 2 * MINUTE, next_window=NOON)
    ((_, standing),) = plan_registrations([wanted("new", 3)], [behind, ahead], NOON).put
    assert standing.mark == NOON - 2 * MINUTE
    assert standing.next_window is not None
    assert standing.next_window > standing.mark


def test_another_definition_under_its_key_leaves_a_schedule_its_lock_and_what_it_stands_for() -> None:
    row = known("key", lock_name="of the first release", stands_for=("before",))
    standing = redefined(spec(2), row, NOON)
    assert (standing.lock_name, standing.stands_for) == ("of the first release", ("before",))
    ((_, of_code),) = plan_registrations([replace(wanted("key"), spec_hash="another")], [row], NOON).put
    assert (of_code.lock_name, of_code.stands_for) == ("of the first release", ("before",))


def test_what_has_been_silent_beside_others_is_abandoned() -> None:
    silent = known("silent", 2, heartbeat=NOON - SILENCE)
    plan = plan_registrations([wanted("key")], [known("key"), silent], NOON)
    assert (plan.confirm, plan.abandon, plan.replace) == (("key",), ("silent",), ())


def test_a_schedule_does_not_stand_for_one_that_has_come_back_beside_it() -> None:
    rows = [known("successor", stands_for=("before", "back")), known("back", retired=True)]
    changed = replace(wanted("successor"), spec_hash="another")
    put = dict(plan_registrations([changed, wanted("back")], rows, NOON).put)
    assert put["successor"].stands_for == ("before",)


def displaced_by(returning: Wanted, stored: Known) -> tuple[str, ...]:
    """What the row remembers once this definition has it."""
    plan = plan_registrations([returning], [stored], NOON + SILENCE)
    ((_, standing),) = plan.put
    return standing.displaced_tasks


def test_a_row_remembers_the_names_that_an_older_definition_displaces_when_it_comes_back() -> None:
    younger = replace(known("a", task="younger"), spec_hash="younger", older_hashes=("older", "a"))
    assert displaced_by(wanted("a"), younger) == ("younger",)
    assert displaced_by(wanted("a"), replace(younger, displaced_tasks=("youngest",))) == (
        "youngest",
        "younger",
    ), "two have come back, one after the other"
    assert displaced_by(wanted("a", task="x"), replace(younger, displaced_tasks=("x",))) == ("younger",)
    shared = replace(younger, task_name="family@a")
    assert displaced_by(wanted("a"), shared) == ("family",), (
        "as the next release looks for it, by another key"
    )


def test_what_a_row_never_had_is_newer_than_all_that_it_remembers() -> None:
    stored = replace(known("a", task="older"), spec_hash="older", displaced_tasks=("younger",))
    assert displaced_by(wanted("a"), stored) == ()
    retired = replace(stored, spec_hash="a", retired=True)
    assert displaced_by(wanted("a"), retired) == ("younger",), "the same definition again"


def test_only_names_of_code_that_went_on_are_looked_for() -> None:
    """A row whose task was called so before, and that has its newest definition, has nothing to do with
    others of that name."""
    stored = replace(known("a", task="younger"), spec_hash="younger", older_hashes=("a",))
    assert plan_registrations([wanted("b")], [stored], NOON).replace == ()
    assert plan_registrations([wanted("b")], [replace(stored, displaced_tasks=("task",))], NOON).replace == (
        "a",
    )
    at_run_time = replace(stored, displaced_tasks=("task",), of_code=False)
    assert plan_registrations([wanted("b")], [at_run_time], NOON).replace == ()


def test_only_the_latest_replaced_keys_are_remembered() -> None:
    many = tuple(f"{number}" for number in range(40))
    (key, standing), *_ = plan_registrations([wanted("new")], [known("old", stands_for=many)], NOON).put
    assert key == "new"
    assert standing.stands_for == (*many[-MOST_REMEMBERED + 1 :], "old")
