"""What many ask for at once is one look."""

from __future__ import annotations

import asyncio
from collections.abc import Collection


class SharedLooks:
    """Who is to be looked at next, and who waits for that look."""

    def __init__(self) -> None:
        self.requested: asyncio.Event = asyncio.Event()
        self._next: set[str] = set()
        self._looked: asyncio.Future[None] | None = None

    def add(self, job_ids: Collection[str]) -> None:
        """The next look is at these too, and begins at once."""
        self._next.update(job_ids)
        self.requested.set()

    def ask(self, job_ids: Collection[str]) -> asyncio.Future[None]:
        """The same; done after that look."""
        self.add(job_ids)
        self._looked = self._looked or asyncio.get_running_loop().create_future()
        return self._looked

    def take(self) -> tuple[set[str], asyncio.Future[None]]:
        """A look begins: at whom, and what to tell when it is over. Whoever asks from now on waits for the
        next one."""
        looked = self._looked or asyncio.get_running_loop().create_future()
        job_ids, self._next, self._looked = self._next, set(), None
        self.requested.clear()
        return job_ids, looked
