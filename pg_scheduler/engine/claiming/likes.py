"""Which workers of the fleet claim what this one does, and which of them looks first."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Sequence
from hashlib import blake2b

from pg_scheduler.domain.queues import QueueGroup
from pg_scheduler.ports.leases import Fleet
from pg_scheduler.ports.signals import Signal

ALL_LOOK = 3
"""Among so few likes each looks at once: it costs less than to agree on who does."""
STEP = 0.025
"""Seconds that the first in line get, and then each group behind them: several times what it takes to claim
and to tell so. Each group is twice as large as the one before, so the last of 200 looks after 0.2 s."""


class Likes:
    """What this worker knows of them; renewals tell, so it is some seconds old and never certain."""

    def __init__(self, groups: Sequence[QueueGroup], capacity: int) -> None:
        self._groups = groups
        self._capacity = capacity
        self._names: frozenset[str] = frozenset()
        self.digest: str = ""
        """What the likes have in common; empty until it is known."""
        self.on_change: Callable[[], None] = lambda: None
        """Called when that changes: a renewal tells who the likes are now."""
        self._answered: tuple[str, Fleet] = ("", Fleet())

    def claims(self, names: frozenset[str]) -> None:
        """The names that it claims from now on."""
        if names == self._names and self.digest:
            return
        self._names = names
        queues = sorted((sorted(group.queues or ()), group.slots or 0) for group in self._groups)
        text = repr((sorted(names), queues, self._capacity))
        self.digest = blake2b(text.encode(), digest_size=6).hexdigest()
        self.on_change()

    def renewed(self, digest: str, fleet: Fleet) -> None:
        """What a renewal answered under that digest; from any thread."""
        self._answered = (digest, fleet)

    @property
    def many(self) -> bool:
        """Whether there are so many that not all should look."""
        return self.fleet.likes > ALL_LOOK

    @property
    def workers(self) -> int:
        """How many workers live, its likes or not."""
        return self._answered[1].workers

    @property
    def many_workers(self) -> bool:
        """The same of all workers, whatever they claim."""
        return self.workers > ALL_LOOK

    @property
    def fleet(self) -> Fleet:
        """What the last renewal told; of one that was made under another digest, nothing counts."""
        digest, fleet = self._answered
        return fleet if digest == self.digest else Fleet()

    def concerns(self, signal: Signal) -> bool:
        """Whether this worker may take what was signalled."""
        if signal.task_name is not None and signal.task_name not in self._names:
            return False
        return signal.queue is None or any(
            group.queues is None or signal.queue in group.queues for group in self._groups
        )

    def wait_for(self, signal: Signal) -> float:
        """Seconds to wait for others before looking for that."""
        if not self.many:
            return 0.0
        if signal.key is None:
            # Who caused it looks at once.
            return STEP * (1 + group_of(random.randrange(self.fleet.likes), 2))
        first = -(-signal.jobs // self._capacity)
        start = zlib.crc32(signal.key.encode())
        return STEP * group_of((self.fleet.place - start) % self.fleet.likes, first)

    def wait_for_time(self) -> float:
        """Seconds to wait for others once something that all of them know of is due. Two look at once on
        average, so that seldom nobody does: who that is, each decides for itself."""
        return STEP * group_of(random.randrange(self.fleet.likes), 2) if self.many else 0.0


def group_of(place: int, first: int) -> int:
    """In which group somebody looks who has this place in the line: the first, so many, at once; then groups
    of which each is twice as large as the one before."""
    return 0 if place < first else ((place - first) // (2 * first) + 1).bit_length()
