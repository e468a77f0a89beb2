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
    seconds: float = 30.0
    """The jobs fall due over this span."""
    damage_seconds: float | None = None
    """The damage ends after this time; None: when the last job is finished."""
    workers: int = 3
    """Processes that live at any time."""
    lease: float = 2.0
    """Seconds."""
    verbose: bool = False
    """Show what the workers complained about."""

    def random_for(self, purpose: str) -> random.Random:
        """A generator that gives the same numbers for the same seed and purpose, whatever else is drawn."""
        return random.Random(f"{self.seed} {purpose}")
