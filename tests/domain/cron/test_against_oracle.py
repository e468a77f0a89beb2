"""The cron policy against a brute-force walk over every clock change of seven years in twenty zones."""

from __future__ import annotations

import os
import random
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from pg_scheduler.domain.cron import CronRule
from tests.domain.cron.oracle import Fields, expected, random_fields, transitions, walk

pytestmark = pytest.mark.slow

ZONES = [
    "America/New_York",
    "America/St_Johns",
    "America/Santiago",
    "America/Havana",
    "America/Asuncion",
    "America/Nuuk",
    "America/Los_Angeles",
    "Antarctica/Troll",
    "Asia/Beirut",
    "Asia/Jerusalem",
    "Atlantic/Azores",
    "Australia/Lord_Howe",
    "Australia/Sydney",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Europe/London",
    "Europe/Berlin",
    "Europe/Chisinau",
    "Pacific/Auckland",
    "Pacific/Chatham",
]
ODD_ONES = {"Australia/Lord_Howe", "Africa/Casablanca"}
"""Half an hour in summer, and an hour less in Ramadan; the others are played by `make slow`."""
SEED = int(os.environ.get("CRON_ORACLE_SEED", "20261121"))
EXPRESSIONS = 300
EVERY_PAIR = "CRON_ORACLE_FULL" in os.environ
"""In the suite each expression meets two transitions of each zone, in turn, so that together they meet all;
set CRON_ORACLE_FULL=1 to let every expression meet every transition."""
REACH = timedelta(hours=5)


def random_expressions() -> list[Fields]:
    rng = random.Random(SEED)
    return [random_fields(rng) for _ in range(EXPRESSIONS)]


@pytest.mark.parametrize(
    "zone_name",
    [zone if zone in ODD_ONES else pytest.param(zone, marks=pytest.mark.slow) for zone in ZONES],
)
def test_every_transition_agrees_with_a_walk_over_the_clock(zone_name: str) -> None:
    zone = ZoneInfo(zone_name)
    changes = transitions(zone, 2024, 2030)
    assert changes, f"{zone_name} has no transitions to test"
    walks = [walk(zone, change, REACH) for change in changes]
    for number, fields in enumerate(random_expressions()):
        rule = CronRule(fields.text, zone)
        for minutes in walks if EVERY_PAIR else [walks[number % len(walks)], walks[-number % len(walks)]]:
            wanted = expected(fields, minutes)
            assert due_within(rule, minutes) == wanted, f"{fields.text!r} in {zone_name}, seed {SEED}"


def due_within(rule: CronRule, minutes: list[tuple[datetime, datetime]]) -> list[datetime]:
    """What the rule says for the span of a walk."""
    start, end = minutes[0][0] - timedelta(seconds=1), minutes[-1][0]
    due = []
    while (start := rule.next_after(start)) <= end:
        due.append(start)
    return due
