"""No two jobs get the same id, whoever makes it."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from pg_scheduler.client.fresh_ids import fresh_id

NOW = datetime(2030, 1, 1, tzinfo=UTC)
"""One instant for all: what differs is chance alone."""

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


def test_threads_give_nothing_away_twice() -> None:
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: [fresh_id(NOW) for _ in range(2_000)], range(8)))
    assert len({one for some in made for one in some}) == 16_000


@pytest.mark.skipif(sys.platform == "win32", reason="nothing forks here")
def test_parent_and_child_give_different_bytes_away() -> None:
    said = subprocess.run([sys.executable, "-c", FORKING], capture_output=True, text=True, check=True)
    parents, childs = said.stdout.split()
    assert parents != childs
