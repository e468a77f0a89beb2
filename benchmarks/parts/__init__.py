"""The parts, by name, in the order in which they run."""

from benchmarks.frame import Part
from benchmarks.parts.latency import LATENCY

PARTS: dict[str, Part] = {part.name: part for part in (LATENCY,)}

__all__ = ["PARTS"]
