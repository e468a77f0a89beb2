"""The scenarios, by name."""

from tests.chaos.network.scenarios import (
    conflicts,
    failovers,
    lost_replies,
    outages,
    silence,
    surroundings,
)
from tests.chaos.network.stage import Scenario

SCENARIOS: dict[str, Scenario] = {
    scenario.name: scenario
    for module in (lost_replies, silence, outages, failovers, conflicts, surroundings)
    for scenario in module.SCENARIOS
}
