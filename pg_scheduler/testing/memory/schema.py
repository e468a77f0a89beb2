"""Tables that are always there."""

from __future__ import annotations

from pg_scheduler.ports.schema import SchemaStatus
from pg_scheduler.testing.memory.state import MemoryState


class MemorySchema:
    """`Schema` over the state."""

    def __init__(self, state: MemoryState) -> None:
        self._state = state

    async def install(self) -> None:
        """Nothing to do."""

    async def status(self) -> SchemaStatus:
        return SchemaStatus(schema="memory", version=1, latest=1, missing=())

    async def uninstall(self) -> None:
        self._state.clear()
