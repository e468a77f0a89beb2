"""The scheduler's methods for people who drive the engine's steps themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pg_scheduler.domain.identity import checked_name
from pg_scheduler.domain.model import ClaimedJob
from pg_scheduler.ports.leases import Reclaimed
from pg_scheduler.scheduler_parts import SchedulerParts


class EngineMethods(SchedulerParts):
    """The documented steps of the engine, one by one. `start()` does all of this by itself."""

    async def recover_orphaned_jobs(self) -> list[Reclaimed]:
        """Take back every job whose lease is over, now; what was taken. By itself a worker waits a moment
        after a restart of the server, during which nobody could renew; this does not."""
        await self.open()
        return await self._worker.services.reclaimer.reclaim_once(force=True)

    async def periodic_orphan_recovery(self) -> None:
        """Take back lost jobs until cancelled. `start()` runs this already."""
        await self.open()
        while True:
            await self._worker.services.reclaimer.one_round()

    async def monitor_heartbeats(self) -> None:
        """The same loop under its other documented name."""
        await self.periodic_orphan_recovery()

    async def send_heartbeat(self, job_id: str) -> bool:
        """Renew the leases of this worker now; whether `job_id` is among those still held."""
        await self.open()
        answer = await self._worker.services.lease_keeper.renew_now()
        return any(lease.job_id == job_id for lease in answer.held)

    async def listen_for_jobs(self) -> None:
        """Start if need be, and run jobs until cancelled or shut down."""
        await self.start()
        await self._worker.wait_stopped()

    async def execute_job(self, job_row: ClaimedJob | Mapping[str, Any] | str) -> None:
        """Run one job here and now and settle it: a claimed one, or a pending one named by its row or id,
        which is claimed first. Does nothing if it is not pending any more."""
        await self.open()
        await self._run_one(job_row)

    async def execute_job_with_concurrency_control(
        self, job_row: ClaimedJob | Mapping[str, Any] | str
    ) -> None:
        """As `execute_job`, once one of the `max_concurrent_jobs` slots is free."""
        await self.open()
        await self._worker.services.active.wait_for_slot()
        await self._run_one(job_row)

    async def _run_one(self, job_row: ClaimedJob | Mapping[str, Any] | str) -> None:
        worker = self._worker
        if isinstance(job_row, ClaimedJob):
            await worker.steps.finish(worker.services.runner.start(job_row))
            return
        job_id = job_row if isinstance(job_row, str) else job_row["job_id"]
        # Nothing is awaited between here and the claim's reservation: the slot just found is not lost.
        attempt = await worker.steps.claim_and_start_job(checked_name("job_id", job_id))
        if attempt is not None:
            await worker.steps.finish(attempt)
