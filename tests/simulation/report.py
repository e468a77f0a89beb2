"""Sums up many seeds."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from tests.simulation.play import Outcome


@dataclass(slots=True)
class Tally:
    """What all seeds so far add up to."""

    seeds: int = 0
    seconds: float = 0.0
    jobs: int = 0
    effects: int = 0
    longest_recovery: tuple[float, int] = (0.0, -1)
    """Simulated seconds, and the seed."""
    faults: Counter[str] = field(default_factory=Counter)
    broken: list[Outcome] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        """One more."""
        self.seeds += 1
        self.seconds += outcome.seconds
        self.jobs += outcome.jobs
        self.effects += outcome.effects
        self.longest_recovery = max(self.longest_recovery, (outcome.recovery, outcome.seed))
        self.faults.update(outcome.faults)
        if outcome.violations:
            self.broken.append(outcome)

    def line(self) -> str:
        """Everything in one line."""
        faults = ", ".join(f"{count} {kind}" for kind, count in sorted(self.faults.items()))
        return (
            f"{self.seeds} seeds, {self.seconds / 3600:.0f} simulated hours, {self.jobs} jobs, "
            f"{self.effects} statements; faults: {faults or 'none'}; "
            f"{sum(len(one.violations) for one in self.broken)} violations"
            + (f" in {len(self.broken)} seeds" if self.broken else "")
        )


def complaint(outcome: Outcome) -> str:
    """What a failing seed says, with the command that plays it again."""
    shown = "\n".join(f"  {what}" for what in outcome.violations[:5])
    more = len(outcome.violations) - 5
    return (
        f"seed {outcome.seed} broke {len(outcome.violations)} laws:\n{shown}\n"
        + (f"  and {more} more\n" if more > 0 else "")
        + f"replay it: python -m tests.simulation --seed {outcome.seed}"
    )
