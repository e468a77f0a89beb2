"""The failure harness in short: what `make chaos` shows at length."""

from __future__ import annotations

import pytest

from pg_scheduler.client.source import Library
from tests.chaos.options import Options
from tests.chaos.play import play
from tests.chaos.scenarios.kills import KILLS
from tests.chaos.scenarios.pauses import PAUSES

SEED = 20_240
"""Fixed, so that the same jobs of the same lengths are scheduled every time."""


@pytest.mark.slow
async def test_nothing_is_lost_when_workers_are_killed_every_second(dsn: str, library: Library) -> None:
    options = Options(SEED, jobs=700, seconds=4, damage_seconds=5)
    report = await play(KILLS, options, library, dsn)
    assert report.broken == (), report


@pytest.mark.slow
async def test_old_news_of_workers_that_were_paused_changes_nothing(dsn: str, library: Library) -> None:
    report = await play(PAUSES, Options(SEED, jobs=250, seconds=4), library, dsn)
    assert report.broken == (), report
