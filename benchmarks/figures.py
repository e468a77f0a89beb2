"""Numbers out of samples."""

from __future__ import annotations

from collections.abc import Sequence

PERCENTILES = (50, 95, 99)


def percentile(samples: Sequence[float], percent: float) -> float:
    """The smallest sample that at least `percent` of all samples do not exceed (nearest rank).

    Raises:
        ValueError: no samples.
    """
    if not samples:
        raise ValueError("no samples")
    rank = -(-len(samples) * percent // 100)  # rounded up
    return sorted(samples)[max(int(rank), 1) - 1]


def milliseconds(samples: Sequence[float]) -> tuple[float, ...]:
    """p50, p95, p99 and the largest of samples in seconds, in milliseconds."""
    return tuple(1000 * percentile(samples, percent) for percent in (*PERCENTILES, 100))
