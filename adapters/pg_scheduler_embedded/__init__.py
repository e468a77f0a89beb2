"""A real PostgreSQL for demos, tests and benchmarks, started from a wheel or from the machine."""

from pg_scheduler_embedded.binaries import Binaries, find_binaries
from pg_scheduler_embedded.server import EmbeddedServer

__all__ = ["Binaries", "EmbeddedServer", "find_binaries"]
