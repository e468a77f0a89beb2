"""No two jobs get the same id, whoever makes it."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from pg_scheduler.client import fresh_ids
from pg_scheduler.client.fresh_ids import fresh_id

NOW = datetime(2030, 1, 1, tzinfo=UTC)
"""One instant for all: what differs is a count and chance."""

FORKING = """
import os
from datetime import UTC, datetime
from pg_scheduler.client.fresh_ids import fresh_id

now = datetime(2030, 1, 1, tzinfo=UTC)
fresh_id(now)
child = os.fork()
os.write(1, (fresh_id(now) + "\\n").encode())
if child:
    os.waitpid(child, 0)
"""


def test_ids_of_one_instant_differ_across_fetches_of_randomness() -> None:
    assert len({fresh_id(NOW) for _ in range(2_000)}) == 2_000


def test_ids_of_one_instant_grow() -> None:
    made = [fresh_id(NOW) for _ in range(2_000)]
    assert made == sorted(made)


def test_ids_grow_though_the_clock_is_set_back() -> None:
    made = [fresh_id(NOW - timedelta(seconds=number)) for number in range(100)]
    assert made == sorted(made)


def test_another_clock_that_is_far_behind_counts_by_itself() -> None:
    fresh_id(NOW)
    assert fresh_id(NOW - timedelta(days=1)) < fresh_id(NOW)


def test_ids_grow_past_the_last_count_of_a_millisecond(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fresh_ids, "_LAST", 4)
    ids = fresh_ids._Ids()
    made = ids.fresh(1_000, 50)
    assert made == sorted(made)
    assert len(set(made)) == 50


def test_threads_give_nothing_away_twice() -> None:
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: [fresh_id(NOW) for _ in range(2_000)], range(8)))
    assert len({one for some in made for one in some}) == 16_000
    assert all(some == sorted(some) for some in made)


@pytest.mark.skipif(sys.platform == "win32", reason="nothing forks here")
def test_parent_and_child_give_different_bytes_away() -> None:
    said = subprocess.run([sys.executable, "-c", FORKING], capture_output=True, text=True, check=True)
    parents, childs = said.stdout.split()
    assert parents != childs
