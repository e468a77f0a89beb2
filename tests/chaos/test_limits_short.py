"""The limits harness: in short what ``python -m tests.chaos.limits`` shows at length, and whether its judge
sees what is wrong."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from pg_scheduler.client.source import Library
from tests.chaos.limits.findings import (
    judged,
    most_at_once,
    most_in_a_second,
    most_of_one_key,
    recoveries,
)
from tests.chaos.limits.journal import Journal, Run, read
from tests.chaos.limits.play import play
from tests.chaos.limits.worker import FEW, KEYED, PACED


@pytest.mark.slow
async def test_limits_hold_exactly_while_workers_are_killed(dsn: str, library: Library) -> None:
    found = await play(library, dsn, random.randrange(1_000_000), jobs=1000, kills=4)
    assert found.broken == (), found.line()


def run(start: float, end: float | None, name: str = FEW, pid: int = 1, key: str = "-", job: str = "") -> Run:
    return Run(job or f"{name} {start}", name, key, pid, start, end)


def test_attempts_that_touch_are_not_at_once_and_those_that_overlap_are() -> None:
    assert most_at_once([run(0, 1), run(1, 2)], {}) == 1
    assert most_at_once([run(0, 1), run(0.9, 2)], {}) == 2


def test_a_killed_attempt_counts_until_its_process_was_dead() -> None:
    runs = [run(0, None, pid=7), run(1, 2)]
    assert most_at_once(runs, {7: 0.5}) == 1
    assert most_at_once(runs, {7: 1.5}) == 2
    assert most_at_once(runs, {}) == 2, "an attempt that nobody ended lasts"


def test_keys_are_counted_each_by_itself() -> None:
    assert most_of_one_key([run(0, 2, KEYED, key="a"), run(1, 2, KEYED, key="b")], {}) == 1
    assert most_of_one_key([run(0, 2, KEYED, key="a"), run(1, 2, KEYED, key="a")], {}) == 2


def test_the_fullest_second_is_found_wherever_it_begins() -> None:
    assert most_in_a_second([0.0, 0.9, 1.0, 1.8]) == 3
    assert most_in_a_second([0.0, 1.0, 2.0]) == 1
    assert most_in_a_second([]) == 0


def test_capacity_is_missing_from_the_kill_until_the_place_is_taken() -> None:
    runs = [run(0, None, pid=7, job="a"), run(3, 4, job="a"), run(0, None, PACED, pid=7, job="b")]
    assert recoveries(runs, {7: 1.0}) == [2.0]
    assert recoveries(runs[:1], {7: 1.0}) == [float("inf")], "it never came back"
    assert recoveries(runs, {7: 1.0}, {"a": [-0.1, 2.5]}) == [1.5], "given to one that died before it began"


def test_a_broken_limit_is_a_problem() -> None:
    known: dict[str, Any] = {
        "library": "-",
        "seed": 0,
        "jobs": 4,
        "unfinished": 0,
        "lease": 2.0,
        "deserted": 0,
    }
    few = [run(0, None, pid=7, job="a"), run(0, 3), run(0.1, 3), run(3, 4, job="a")]
    assert judged(few, {7: 1.0}, [], **known).problems == ()
    assert judged([*few, run(0.5, 1)], {7: 1.0}, [], **known).problems == ("4 ran at once, 3 may",)


def test_a_line_of_the_journal_is_read_as_it_was_written(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path / "journal"))
    journal.write("start", "0f7c6dd2-9f0b-4f6c-8d0f-1c1f0e4f0a11", KEYED, "k49")
    (begun,) = read(tmp_path / "journal")
    journal.write("end", begun.job_id, KEYED, "k49")
    (ended,) = read(tmp_path / "journal")
    assert (begun.end, begun.key) == (None, "k49")
    assert ended.end is not None
    assert ended.end >= ended.start
