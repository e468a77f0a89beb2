"""What both styles offer to people who look after workers, tasks and queues."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from pg_scheduler.client.job_client import JobClient
from pg_scheduler.domain.identity import checked_name
from pg_scheduler.domain.queues import checked_queue
from pg_scheduler.domain.workers import WishAnswer, WorkerRecord, WorkerWish

if TYPE_CHECKING:
    from pg_scheduler.domain.minutes import Minutes
    from pg_scheduler.domain.replica import Replica
    from pg_scheduler.domain.summary import Summary
    from pg_scheduler.ports.limit_store import PausedQueue, QueueLimits


class OperatorVerbs:
    """Watches workers, and pauses and limits tasks and queues, for whatever has a client."""

    client: JobClient

    async def workers(self) -> list[WorkerRecord]:
        """The workers that have shown a sign of life and not said goodbye, by id: what they know and serve,
        how much they run, when they were last seen."""
        return await self.client.workers()

    async def quiet_worker(self, worker_id: str) -> WishAnswer:
        """Let a worker claim no more; what runs there goes on. It hears of it at once, else within a third of
        a lease, wherever it runs."""
        return await self.client.ask_worker(worker_id, WorkerWish.QUIET)

    async def resume_worker(self, worker_id: str) -> WishAnswer:
        """Let a quiet worker claim again."""
        return await self.client.ask_worker(worker_id, WorkerWish.WORK)

    async def stop_worker(self, worker_id: str) -> WishAnswer:
        """Let a worker shut down, as at SIGTERM: what runs gets its grace. Whatever supervises the process
        may start it again."""
        return await self.client.ask_worker(worker_id, WorkerWish.STOP)

    async def pause_task(self, task: str) -> bool:
        """No worker claims jobs of this entrypoint or task until it is resumed; what runs goes on. True if
        that was a change. Jobs can be enqueued meanwhile."""
        return await self.client.pause_task(checked_name("task", task), paused=True)

    async def resume_task(self, task: str) -> bool:
        """The opposite; True if it was paused."""
        return await self.client.pause_task(checked_name("task", task), paused=False)

    async def pause_queue(self, queue: str) -> bool:
        """No worker claims jobs that wait in this queue until it is resumed; what runs goes on. True if that
        was a change. Jobs can be enqueued meanwhile, and what the pause holds back does not expire by it."""
        return await self.client.pause_queue(checked_queue(queue), paused=True)

    async def resume_queue(self, queue: str) -> bool:
        """The opposite; True if it was paused."""
        return await self.client.pause_queue(checked_queue(queue), paused=False)

    async def paused_queues(self) -> list[PausedQueue]:
        """Every queue that is paused, and since when; by name."""
        return await self.client.paused_queues()

    async def limit_queue(
        self,
        queue: str,
        *,
        concurrency_limit: int | None = None,
        requests_per_second: float | None = None,
    ) -> bool:
        """Limit the jobs of a queue, all its tasks together, in the whole cluster: how many run at once, and
        how many start per second. It holds from now on, also for stored jobs, until it is set anew; jobs that
        run take their places. A limit that is left out ends, so that a call without any ends both. What the
        limits hold up does not expire by it. True if that was a change.

        Raises:
            InvalidInput: not the name of a queue; a limit that is not a positive number.
        """
        return await self.client.limit_queue(queue, concurrency_limit, requests_per_second)

    async def queue_limits(self) -> list[QueueLimits]:
        """Every queue that has limits, and since when; by name."""
        return await self.client.queue_limits()

    async def replica(self) -> Replica | None:
        """The replica that questions go to, and how far it has come; None if they go to the primary. See
        `read_dsn`."""
        return await self.client.replica()

    async def summary(self) -> Summary:
        """What is going on, by queue and task: what is due and runs, what happened in the last hour, how long
        jobs waited and ran, and what limits leave room for. It costs little, whatever is stored."""
        return await self.client.summary()

    async def minutes(
        self, *, queue: str | None = None, task: str | None = None, since: datetime | None = None
    ) -> Minutes:
        """What workers did, minute by minute, in the last hour or since then; a day is kept. Workers write
        their figures every ten seconds: the last ones of one that was killed are missing."""
        return await self.client.minutes(queue=queue, task=task, since=since)
