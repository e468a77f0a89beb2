"""The tables themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class SchemaStatus:
    """What is installed."""

    schema: str
    version: int
    """0 where nothing is installed."""
    latest: int
    """What this code brings."""
    missing: tuple[str, ...]
    """Tables, columns or indexes that should exist at this version and do not."""
    within_transaction: bool = False
    """True if what `install` makes is valid only once somebody commits: it would work in his transaction, and
    everybody else who installs would wait for its end."""

    @property
    def current(self) -> bool:
        """True if nothing needs to be done."""
        return self.version >= self.latest and not self.missing


class Schema(Protocol):
    """The tables themselves."""

    async def install(self) -> None:
        """Bring the tables to this code's version: create, upgrade or heal. Safe to run any number of
        times, from any number of processes at once; a newer schema is left alone."""
        ...

    async def status(self) -> SchemaStatus:
        """What is there."""
        ...

    async def uninstall(self) -> None:
        """Drop everything that `install` made, the jobs included."""
        ...
