"""One line of the table: what any scenario came to."""

from __future__ import annotations

from dataclasses import dataclass

from pg_scheduler.client.source import Library


@dataclass(frozen=True, slots=True)
class Outcome:
    """Numbers that a scenario does not know stay 0; what must not be is said in `problems`."""

    scenario: str
    library: Library
    seed: int
    faults: int = 0
    jobs: int = 0
    lost: int = 0
    """Did not end as they should."""
    stranded: int = 0
    """Left pending or running."""
    extra: int = 0
    """Starts beyond the first that no failure of the job itself had asked for."""
    bound: int = 0
    """How many of these the faults explain at the most."""
    tried: int = 0
    """Completions of stale attempts that reached the store."""
    refused: int = 0
    """Those of them that were turned away: all."""
    late: int = 0
    """Completions after a lost lease that counted because nobody had taken the job over."""
    missed: int = 0
    """Windows."""
    doubled: int = 0
    """Windows."""
    recovery: float | None = None
    """Seconds from a kill until the last job of the killed worker could be claimed again."""
    seconds: float = 0.0
    """That the scenario took."""
    note: str = ""
    """What else is worth knowing."""
    problems: tuple[str, ...] = ()
    """Empty if all invariants hold."""
    complaints: tuple[str, ...] = ()
    """What the workers logged at level ERROR: no invariant, but worth a look."""

    @property
    def broken(self) -> tuple[str, ...]:
        """The problems but for those that say that chance spared the system: in a short run, it may."""
        return tuple(problem for problem in self.problems if not problem.startswith("nothing proved"))

    @property
    def well(self) -> bool:
        """True if all invariants hold."""
        return not self.problems
