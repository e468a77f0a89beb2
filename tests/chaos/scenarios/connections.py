"""Workers whose pool works, and who get no connection beside it."""

from __future__ import annotations

from tests.chaos.few_connections import environment_of
from tests.chaos.planning import Kind
from tests.chaos.stage import Scenario, Stage, no_damage

TOLD = "renewed over the scheduler's own pool"


def _few_connections(stage: Stage) -> None:
    stage.crew.environment_of = environment_of


async def _was_told(stage: Stage) -> None:
    lapsed = await stage.table.value("SELECT count(*) FROM scheduled_job_attempts WHERE outcome = 'lost'")
    if lapsed:
        stage.problems.append(f"{lapsed} leases of live workers were lost")
    if stage.crew.heard(TOLD) < stage.options.workers:
        stage.problems.append(
            "nothing proved: a worker has a connection for leases alone, or does not say so"
        )


FEW_CONNECTIONS = Scenario(
    name="few connections",
    summary="no connection can be made beside the pool: leases are renewed over the pool, and none is lost",
    jobs=800,
    kinds=(
        Kind(0.97, (1, 50)),
        # Longer than two leases.
        Kind(0.03, (4500, 5500), until=0.4),
    ),
    damage=no_damage,
    seconds=8,
    prepare=_few_connections,
    afterwards=_was_told,
)
