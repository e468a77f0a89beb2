"""Tasks that are known for their jobs' sake only, and the jobs for which they are kept."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING, Any

from pg_scheduler.domain.states import FINISHED
from pg_scheduler.engine.tasks.task_names import is_of_one_process

if TYPE_CHECKING:
    from pg_scheduler.ports.clock import Clock
    from pg_scheduler.ports.insight import Insight

log: logging.Logger = logging.getLogger(__name__)

INTERVAL = 60.0
"""Seconds between looks."""
BATCH = 100
"""Jobs that are asked about at each look, those first that were stored first."""
UNSEEN = 3600.0
"""Seconds after which a job counts as gone that no look has found: its transaction, if it was stored in one,
may take long to be committed."""
SPARE = 100
"""Tasks that are kept though no job of this process needs them any more, those used last. Other processes can
make the same closures, so jobs of theirs may be waiting."""


class PassingTasks:
    """Which jobs need which of these tasks. A task that was registered for its own sake is kept for good."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        """By job id."""
        self._counts: Counter[str] = Counter()
        self._kept: set[str] = set()
        self._spare: dict[str, None] = {}
        """Needed by no job of this process, the longest unneeded first."""

    def needed(self, name: str, job_id: str) -> None:
        """A job is about to be stored under the name."""
        if name not in self._kept and job_id not in self._names:
            self._names[job_id] = name
            self._counts[name] += 1
            self._spare.pop(name, None)

    def keep(self, name: str) -> None:
        """Somebody else than a job needs the name."""
        self._kept.add(name)
        self._spare.pop(name, None)

    def drop(self, name: str) -> None:
        """The task is forgotten, whoever needs it."""
        self._kept.discard(name)
        self._spare.pop(name, None)
        if self._counts.pop(name, 0):
            self._names = {job_id: other for job_id, other in self._names.items() if other != name}

    def ended(self, name: str, job_id: str) -> str | None:
        """A job has ended; which task can be forgotten for that, if any."""
        if self._names.get(job_id) != name:
            return None
        del self._names[job_id]
        self._counts[name] -= 1
        if self._counts[name]:
            return None
        del self._counts[name]
        if name in self._kept:
            return None
        if is_of_one_process(name):
            return name
        self._spare[name] = None
        return next(iter(self._spare)) if len(self._spare) > SPARE else None

    def jobs(self) -> list[tuple[str, str]]:
        """The next jobs to ask about, with the names they need."""
        return list(islice(self._names.items(), BATCH))

    @property
    def needed_at_all(self) -> bool:
        """True while a name is kept for any job."""
        return bool(self._names)

    def needs(self, job_id: str) -> bool:
        """True while a name is kept for this job."""
        return job_id in self._names

    def move_back(self, job_id: str) -> None:
        """Ask about the others first."""
        if job_id in self._names:
            self._names[job_id] = self._names.pop(job_id)


class PassingJobs:
    """Finds out which of these jobs ended elsewhere: cancelled before they began, expired, never stored."""

    def __init__(
        self, *, insight: Insight, clock: Clock, passing: PassingTasks, ended: Callable[[str, str], None]
    ) -> None:
        self._insight = insight
        self._clock = clock
        self._passing = passing
        self._ended = ended
        self._unseen_since: dict[str, float] = {}

    async def one_round(self) -> None:
        """Look once, then sleep."""
        await self.look()
        await self._clock.sleep(INTERVAL)

    async def look(self) -> None:
        """Forget the jobs that have ended."""
        wanted = self._passing.jobs()
        if not wanted:
            return
        statuses = await self._insight.statuses([job_id for job_id, _ in wanted])
        now = self._clock.monotonic()
        self._unseen_since = {
            job_id: since for job_id, since in self._unseen_since.items() if self._passing.needs(job_id)
        }
        for job_id, name in wanted:
            if job_id in statuses:
                self._unseen_since.pop(job_id, None)
                ended = statuses[job_id] in FINISHED
            else:
                ended = now - self._unseen_since.setdefault(job_id, now) >= UNSEEN
            if ended:
                self._ended(name, job_id)
            else:
                self._passing.move_back(job_id)


_warned: set[str] = set()


def warn_of_process_only(func: Callable[..., Any]) -> None:
    """Say once of each ``def`` that the jobs of its functions end with this process."""
    shown = f"{getattr(func, '__module__', '')}:{getattr(func, '__qualname__', func)!s}"
    if shown not in _warned:
        _warned.add(shown)
        log.warning(
            "jobs of %s run in this process or not at all: it carries values that JSON cannot, so no other "
            "process can find it. Pass them as arguments, or register it under a name that other processes "
            "register too",
            shown,
            extra={"task": shown},
        )
