"""The windows harness in short: what ``python -m tests.chaos.windows`` shows at length."""

from __future__ import annotations

import random

import pytest

from pg_scheduler.client.source import Library
from pg_scheduler_embedded import EmbeddedServer
from tests.chaos.windows.play import play_pinned, play_real


@pytest.mark.slow
async def test_pinned_windows_are_enqueued_once_each_whatever_is_killed(
    server: EmbeddedServer, dsn: str, library: Library
) -> None:
    seed = random.randrange(1_000_000)
    found = await play_pinned(
        server, library, dsn, seed, windows=40, workers=3, restart=False, seconds=2
    )  # the server is shared with other tests, so it is not crashed here
    assert found.well, found.line()
    assert found.kills, "nothing was proved: nobody was killed"


@pytest.mark.slow
async def test_windows_of_real_time_run_once_each_under_kills(dsn: str, library: Library) -> None:
    found = await play_real(library, dsn, random.randrange(1_000_000), seconds=3, every=1)
    assert found.well, found.line()
    assert found.kills, "nothing was proved: nobody was killed"
