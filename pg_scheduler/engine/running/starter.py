"""Starts claimed jobs as there are slots for them, and gives back those that would wait too long."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pg_scheduler.domain.model import ClaimedJob
from pg_scheduler.engine.running.active_attempts import ActiveAttempts
from pg_scheduler.engine.running.attempt import Attempt
from pg_scheduler.engine.running.claimed_ahead import PATIENCE
from pg_scheduler.engine.running.runner import Runner
from pg_scheduler.ports.clock import Clock


class Starter:
    """Starts attempts in start order.

    `on_started` is called with the jobs that have started, in this order.
    """

    def __init__(
        self,
        *,
        active: ActiveAttempts,
        clock: Clock,
        runner: Runner,
        on_started: Callable[[Sequence[ClaimedJob]], None],
    ) -> None:
        self._active = active
        self._clock = clock
        self._runner = runner
        self._on_started = on_started
        active.on_slot = self._begin

    def take(self, jobs: Sequence[ClaimedJob]) -> None:
        """Start claimed jobs in this order, as far as there are slots; the others wait for one."""
        attempts = self._runner.attempts_at(jobs)
        risky = len(attempts) > self._active.free_slots and any(map(_has_lost_a_worker, jobs))
        self._active.waits(attempts)
        self._begin()
        if risky:
            # What has not begun is not to be lost with a worker once more: its crashes are counted.
            self._active.ahead.suspend()
            self.give_back_waiting()

    def start(self, job: ClaimedJob) -> Attempt:
        """Start this job now; a slot is held for it."""
        (attempt,) = self._runner.attempts_at([job])
        self._runner.begin(attempt)
        self._on_started([job])
        return attempt

    def _begin(self) -> None:
        """Start what waits, as far as there are slots."""
        started: list[ClaimedJob] = []
        # Asked each time: one that is given back lets others begin meanwhile.
        while self._active.may_begin > 0:
            attempt = self._active.ahead.pop()
            if attempt.reason is None:
                self._runner.begin(attempt)
                started.append(attempt.job)
            else:
                self._give_back([attempt])
        if started:
            self._on_started(started)

    async def one_round(self) -> None:
        """Once something waits for a slot, give back what has waited for too long."""
        await self._active.ahead.wait_for_any()
        await self._clock.sleep(PATIENCE / 2)
        self._give_back(self._active.ahead.take_overdue())

    def give_back_waiting(self) -> None:
        """Give back all that wait for a slot: it is as if they had not been claimed."""
        self._give_back(self._active.ahead.take_all())

    def _give_back(self, attempts: Sequence[Attempt]) -> None:
        for attempt in attempts:
            self._active.ended(attempt)
            self._runner.give_up(attempt, begun=False)


def _has_lost_a_worker(job: ClaimedJob) -> bool:
    """Whether an attempt of this job was counted that has not led to a retry: its worker went silent."""
    return job.attempt > job.retry_count + 1
