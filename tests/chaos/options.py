"""What a run is told."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """The same for every scenario of a run."""

    seed: int
    jobs: int | None = None
    """None: as many as the scenario finds right."""
    seconds: float | None = None
    """The jobs fall due over this span; None: as long as the scenario finds right, times `scale`."""
    scale: float = 1.0
    """How long and how much, compared with a run of ten minutes."""
    damage_seconds: float | None = None
    """The damage ends after this time; None: when the last job is finished."""
    workers: int = 3
    """Processes that live at any time."""
    lease: float = 2.0
    """Seconds."""
    verbose: bool = False
    """Show what the workers complained about."""

    def seconds_of(self, usual: float) -> float:
        """How long a scenario's jobs fall due, if that is its usual time."""
        return self.seconds if self.seconds is not None else max(usual * self.scale, 3.0)

    def random_for(self, purpose: str) -> random.Random:
        """A generator that gives the same numbers for the same seed and purpose, whatever else is drawn."""
        return random.Random(f"{self.seed} {purpose}")
