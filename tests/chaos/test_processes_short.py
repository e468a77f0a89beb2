"""What ``python -m tests.chaos`` shows at length, in short: processes, clocks and deploys."""

from __future__ import annotations

import pytest

from pg_scheduler.client.source import Library
from pg_scheduler_embedded import EmbeddedServer
from tests.chaos.act import Act, perform
from tests.chaos.options import Options
from tests.chaos.outcome import Outcome
from tests.chaos.play import play
from tests.chaos.scenarios import SCENARIOS
from tests.chaos.stage import Scenario

SEED = 20_240
"""Fixed, so that the same jobs of the same lengths are scheduled every time."""


async def played(name: str, library: Library, dsn: str, server: EmbeddedServer, seconds: float) -> Outcome:
    """The outcome of a scenario in its shortest form."""
    scenario, options = SCENARIOS[name], Options(SEED, seconds=seconds, scale=0.05)
    if isinstance(scenario, Act):
        return await perform(scenario, server, library, dsn, options)
    assert isinstance(scenario, Scenario)
    return await play(scenario, options, library, dsn)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "library", "seconds"),
    [
        ("races", "asyncpg", 2),
        ("SIGTERM", "psycopg", 2),
        ("poison pill", "asyncpg", 2),
        ("migrators", "asyncpg", 2),
        ("24 h downtime", "psycopg", 2),
        ("forks", "psycopg", 2),
        ("held rows", "asyncpg", 4),
        ("few connections", "psycopg", 2),
        ("bad rows", "asyncpg", 3),
        ("renames", "psycopg", 2),
        ("clock set back", "asyncpg", 2),
    ],
)
async def test_no_invariant_breaks_in_the_short_form_of_a_scenario(
    name: str, library: Library, seconds: float, dsn: str, server: EmbeddedServer
) -> None:
    outcome = await played(name, library, dsn, server, seconds)
    assert outcome.broken == (), outcome
