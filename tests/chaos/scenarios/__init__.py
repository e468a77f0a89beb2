"""The scenarios, by name."""

from __future__ import annotations

from tests.chaos.act import Act
from tests.chaos.scenarios.goodbyes import GOODBYES
from tests.chaos.scenarios.hostile_jobs import BLOCKED, HUNG, POISON, SEIZED
from tests.chaos.scenarios.kills import KILLS
from tests.chaos.scenarios.pauses import PAUSES
from tests.chaos.scenarios.pinned import PINNED
from tests.chaos.scenarios.races import RACES
from tests.chaos.stage import Scenario

_ALL: tuple[Scenario | Act, ...] = (
    KILLS, PAUSES, RACES, PINNED, GOODBYES, BLOCKED, SEIZED, POISON, HUNG,
)  # fmt: skip
SCENARIOS: dict[str, Scenario | Act] = {scenario.name: scenario for scenario in _ALL}

__all__ = ["SCENARIOS", "Scenario"]
