"""The scenarios, by name."""

from tests.chaos.scenarios.kills import KILLS
from tests.chaos.scenarios.pauses import PAUSES
from tests.chaos.stage import Scenario

SCENARIOS: dict[str, Scenario] = {scenario.name: scenario for scenario in (KILLS, PAUSES)}

__all__ = ["SCENARIOS", "Scenario"]
