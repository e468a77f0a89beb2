"""The scenarios, by name."""

from __future__ import annotations

from tests.chaos.act import Act
from tests.chaos.scenarios.bad_rows import BAD_ROWS
from tests.chaos.scenarios.breeding import BREEDING
from tests.chaos.scenarios.clocks import DATABASE_CLOCK, FALSE_WORKERS
from tests.chaos.scenarios.connections import FEW_CONNECTIONS
from tests.chaos.scenarios.deploys import DEPLOYS
from tests.chaos.scenarios.forks import FORKS
from tests.chaos.scenarios.goodbyes import GOODBYES
from tests.chaos.scenarios.held_rows import HELD_ROWS
from tests.chaos.scenarios.hostile_jobs import BLOCKED, HUNG, POISON, SEIZED
from tests.chaos.scenarios.kills import KILLS
from tests.chaos.scenarios.limits import LIMITS
from tests.chaos.scenarios.migrations import MIGRATIONS
from tests.chaos.scenarios.pauses import PAUSES
from tests.chaos.scenarios.pinned import PINNED
from tests.chaos.scenarios.races import RACES
from tests.chaos.scenarios.renames import RENAMES
from tests.chaos.scenarios.set_back import SET_BACK
from tests.chaos.scenarios.windows import DOWNTIME, LAGGING, RACED, REAL
from tests.chaos.stage import Scenario

_ALL: tuple[Scenario | Act, ...] = (
    KILLS, PAUSES, RACES, PINNED, GOODBYES, BLOCKED, SEIZED, POISON, HUNG, FALSE_WORKERS, DATABASE_CLOCK,
    SET_BACK, FORKS, HELD_ROWS, FEW_CONNECTIONS, BAD_ROWS, RENAMES,
    DEPLOYS, RACED, REAL, LAGGING, DOWNTIME, MIGRATIONS, BREEDING,
    LIMITS,
)  # fmt: skip
SCENARIOS: dict[str, Scenario | Act] = {scenario.name: scenario for scenario in _ALL}

__all__ = ["SCENARIOS", "Scenario"]
