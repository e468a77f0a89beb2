"""The scenarios, by name."""

from tests.chaos.network.scenarios import conflicts, lost_replies, outages, silence
from tests.chaos.network.stage import Scenario

SCENARIOS: dict[str, Scenario] = {
    scenario.name: scenario
    for module in (lost_replies, silence, outages, conflicts)
    for scenario in module.SCENARIOS
}
