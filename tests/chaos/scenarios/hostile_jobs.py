"""The jobs themselves are the damage: they block, seize, end their process, hang."""

from __future__ import annotations

from collections.abc import Sequence

from tests.chaos.crew import Fault, FaultKind
from tests.chaos.journal import Entry, Line
from tests.chaos.planning import Kind
from tests.chaos.stage import Scenario, Stage, no_damage
from tests.chaos.tasks import block_loop, end_process, hang, hang_deaf_in_thread, hang_in_thread, hold_gil

SHORT = Kind(1.0, (1, 5))
LEASES = 3 * 2_000
"""Milliseconds of three leases of two seconds."""
CRASHES = 3

_CULPRITS = "SELECT count(*) FROM scheduled_jobs WHERE job_name LIKE '%' || $1 AND "


async def _blocks_are_reported(stage: Stage) -> None:
    if not stage.crew.heard("the event loop is blocked"):
        stage.problems.append("no worker said that its loop was blocked")


async def _seizures_cost_a_lease(stage: Stage) -> None:
    kept = await stage.table.value(_CULPRITS + "crash_count = 0 AND attempt_count = 1", "hold_gil")
    if kept:
        # If this ever fails, leases have got safer than docs/guarantees.md says.
        stage.problems.append(f"nothing proved: {kept} jobs kept the lease while they held the interpreter")


def _seizures(lines: Sequence[Line]) -> list[Fault]:
    """A fault for each job that took the interpreter for itself."""
    return [Fault(FaultKind.SEIZE, line.pid, line.at) for line in lines if line.entry is Entry.SEIZE]


def _exits(lines: Sequence[Line]) -> list[Fault]:
    """A fault for each process whose last line is the start of an attempt that never ended."""
    last = {line.pid: line for line in lines}
    return [Fault(FaultKind.EXIT, pid, line.at) for pid, line in last.items() if line.entry is Entry.START]


async def _pills_ended_failed(stage: Stage) -> None:
    wrong = await stage.table.value(
        _CULPRITS + "(crash_count <> $2 OR error_message NOT LIKE 'lease lost%')", "end_process", CRASHES
    )
    if wrong:
        stage.problems.append(f"{wrong} poison pills do not say that they crashed {CRASHES} workers")


async def _timeouts_are_told(stage: Stage) -> None:
    wrong = await stage.table.value(
        _CULPRITS + "coalesce(error_message, '') NOT LIKE '%Timeout%'", "hang"
    ) + await stage.table.value(
        _CULPRITS + "coalesce(error_message, '') NOT LIKE '%Timeout%'", "hang_in_thread"
    )
    if wrong:
        stage.problems.append(f"{wrong} jobs ended failed, but not by their timeout")


BLOCKED = Scenario(
    name="blocked loop",
    summary="jobs block the event loop for three leases: nothing is taken over, and it is reported",
    jobs=1_000,
    kinds=(Kind(0, (LEASES, LEASES), func=block_loop, exactly=2, until=0.1), SHORT),
    damage=no_damage,
    seconds=12,
    afterwards=_blocks_are_reported,
)
SEIZED = Scenario(
    name="held GIL",
    summary="jobs hold the interpreter for three leases: the leases are lost, and nothing else is",
    jobs=1_000,
    kinds=(
        Kind(0, (LEASES, LEASES), func=hold_gil, exactly=2, until=0.3),
        Kind(0.05, (300, 600)),
        Kind(0.95, (1, 5)),
    ),
    damage=no_damage,
    seconds=12,
    # One claim, one job: what was claimed beside the culprit would begin when its lease is long over.
    launch={"batch": 1},
    faults_in=_seizures,
    afterwards=_seizures_cost_a_lease,
)
POISON = Scenario(
    name="poison pill",
    summary=f"jobs end their process at once: they end failed after {CRASHES} crashes, others go on",
    jobs=1_000,
    kinds=(Kind(0, (1, 1), func=end_process, ends="failed", exactly=2, until=0.3), SHORT),
    damage=no_damage,
    seconds=12,
    # One job at a time, so that the pill takes the blame for nobody else, and nobody for the pill.
    launch={"max_crashes": CRASHES, "capacity": 1},
    faults_in=_exits,
    deserters=True,
    afterwards=_pills_ended_failed,
)
HUNG = Scenario(
    name="hung jobs",
    summary="jobs that never end have a timeout: they end failed, others go on",
    jobs=1_000,
    kinds=(
        Kind(0, (1, 1), func=hang, ends="failed", timeout=1.0, exactly=20),
        Kind(0, (1, 1), func=hang_in_thread, ends="failed", timeout=1.0, exactly=5),
        # It does not listen, so it takes as long as it takes; what it did then counts.
        Kind(0, (2500, 2500), func=hang_deaf_in_thread, timeout=1.0, exactly=2),
        SHORT,
    ),
    damage=no_damage,
    seconds=8,
    afterwards=_timeouts_are_told,
)
