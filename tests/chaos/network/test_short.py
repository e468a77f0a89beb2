"""The network scenarios in short: what ``python -m tests.chaos.network`` shows at length."""

from __future__ import annotations

import pytest

from pg_scheduler.client.source import Library
from pg_scheduler_embedded import EmbeddedServer
from tests.chaos.network.findings import Findings
from tests.chaos.network.play import play_at_once
from tests.chaos.network.scenarios import SCENARIOS

SEED = 20_260
RECOVERY = 15.0
"""Seconds: this machine may be busy. The long form measures against two."""


@pytest.mark.slow
async def test_nothing_is_lost_doubled_taken_needlessly_or_left_behind_whatever_the_network_does(
    server: EmbeddedServer, library: Library
) -> None:
    """Each scenario with one of the libraries; the long form plays all with both."""
    half = list(SCENARIOS.values())[library == "psycopg" :: 2]
    scenarios = [scenario for scenario in half if scenario.missing() is None]
    found = await play_at_once(scenarios, server, library, SEED, recovery=RECOVERY)
    assert {one.scenario: one.problems for one in found if one.problems} == {}, said(found)


def said(found: list[Findings]) -> str:
    """The table."""
    return "\n" + "\n".join(one.line() for one in found)
