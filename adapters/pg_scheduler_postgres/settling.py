"""Applying verdicts, as SQL: the many that simply complete their job, and all others."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from pg_scheduler.domain.settling import first_verdicts
from pg_scheduler.domain.states import JobEvent, JobStatus, transition
from pg_scheduler.domain.verdict import Settlement, Verdict
from pg_scheduler_postgres.link import Link
from pg_scheduler_postgres.rows import SOON, seconds

Batch = dict[str, int]
"""Positions in the call, by job: all of one worker, and no job twice under one epoch."""


class Settling:
    """Settles over a link. A plain completion says nothing but its job's id, so batches of them go by a
    statement that is told ids and one epoch; it costs half of the general one."""

    def __init__(
        self,
        link: Link,
        settlements: Sequence[Settlement],
        now: datetime | None,
        not_kept: Collection[JobStatus],
    ) -> None:
        self._link = link
        self._settlements = settlements
        self._now = now
        self._not_kept = not_kept
        self.accepted: list[bool | None] = [False] * len(settlements)

    async def settle(self) -> list[bool | None]:
        """Apply them all; see `JobStore.settle`."""
        plain: dict[tuple[str, int], Batch] = {}
        others: dict[str, list[int]] = {}
        completions_stay = JobStatus.COMPLETED not in self._not_kept
        for position in first_verdicts(self._settlements):
            told = self._settlements[position]
            if completions_stay and is_plain(told.verdict):
                plain.setdefault((told.worker_id, told.epoch), {})[told.job_id] = position
            else:
                others.setdefault(told.worker_id, []).append(position)
        for (worker_id, epoch), batch in plain.items():
            if left := await self._complete(worker_id, epoch, batch):
                others.setdefault(worker_id, []).extend(left)
        for worker_id, positions in others.items():
            await self._apply(worker_id, positions)
        return self.accepted

    async def _complete(self, worker_id: str, epoch: int, batch: Batch) -> list[int]:
        """The positions that are left: superseded rows, rows that are held up, and lost leases."""
        rows = await self._link.run(
            "settle_completed", now=self._now, worker_id=worker_id, epoch=epoch, job_ids=list(batch)
        )
        for job_id in rows[0]["job_ids"] or ():
            self.accepted[batch.pop(job_id)] = True
        return list(batch.values())

    async def _apply(self, worker_id: str, positions: Sequence[int]) -> None:
        batch = [self._settlements[position] for position in positions]
        verdicts = [told.verdict for told in batch]
        rows = await self._link.run(
            "settle",
            now=self._now,
            worker_id=worker_id,
            job_ids=[told.job_id for told in batch],
            epochs=[told.epoch for told in batch],
            events=[str(verdict.event) for verdict in verdicts],
            targets=[_target(verdict.event) for verdict in verdicts],
            delays=[seconds(verdict.delay) for verdict in verdicts],
            error_messages=[verdict.error_message for verdict in verdicts],
            tracebacks=[verdict.traceback for verdict in verdicts],
            results=[verdict.result for verdict in verdicts],
            not_kept=[str(status) for status in self._not_kept],
            soon_seconds=SOON.total_seconds(),
        )
        found = {(row["job_id"], row["epoch"]): True if row["applied"] else None for row in rows}
        for told, position in zip(batch, positions, strict=True):
            self.accepted[position] = found.get((told.job_id, told.epoch), False)


def is_plain(verdict: Verdict) -> bool:
    """True for a completion that leaves nothing behind: no result, no note."""
    return (
        verdict.event is JobEvent.COMPLETE
        and verdict.result is None
        and verdict.error_message is None
        and verdict.traceback is None
    )


def _target(event: JobEvent) -> str:
    step = transition(JobStatus.RUNNING, event)
    assert step is not None, f"{event} does not end an attempt"
    return str(step.target)
