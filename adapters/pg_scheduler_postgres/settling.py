"""Applying verdicts, as SQL: the many that simply complete their job, and all others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from pg_scheduler.domain.model import Lease
from pg_scheduler.domain.settling import ATTEMPT_OUTCOMES, ending_of, first_verdicts
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.domain.verdict import Settlement, Verdict
from pg_scheduler.ports.job_store import SettleAnswer
from pg_scheduler_postgres.conversions import seconds
from pg_scheduler_postgres.link import Link
from pg_scheduler_postgres.rows import soon_in

Batch = dict[Lease, int]
"""Positions in the call, by lease: all of one worker."""

PLAIN_ENDS = {
    event: ending_of(event).targets.unchanged for event in ATTEMPT_OUTCOMES if ending_of(event).plain
}
"""Events that only end a job, and in which status: the completion of a job."""


class Settling:
    """Settles over a link. A plain completion says nothing but its job's id, so batches of them go by a
    statement that takes leases alone; it costs half of the general one."""

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
        self._accepted: list[bool | None] = [False] * len(settlements)
        self._deleted = Counter[JobStatus]()

    async def settle(self) -> SettleAnswer:
        """Apply them all; see `JobStore.settle`."""
        plain: dict[tuple[str, JobStatus], Batch] = {}
        others: dict[str, list[int]] = {}
        for position in first_verdicts(self._settlements):
            one = self._settlements[position]
            target = plain_end(one.verdict)
            if target is None:
                others.setdefault(one.worker_id, []).append(position)
            else:
                plain.setdefault((one.worker_id, target), {})[Lease(one.job_id, one.epoch)] = position
        for (worker_id, target), batch in plain.items():
            if left := await self._complete(worker_id, target, batch):
                others.setdefault(worker_id, []).extend(left)
        for worker_id, positions in others.items():
            await self._apply(worker_id, positions)
        return SettleAnswer(self._accepted, self._deleted)

    async def _complete(self, worker_id: str, target: JobStatus, batch: Batch) -> list[int]:
        """The positions that are left: superseded rows, rows that are held up, lost leases, and jobs that are
        awaited though they are not to be kept."""
        deletes = target in self._not_kept
        rows = await self._link.run(
            "settle_deleted" if deletes else "settle_completed",
            now=self._now,
            worker_id=worker_id,
            target=str(target),
            job_ids=[lease.job_id for lease in batch],
            epochs=[lease.epoch for lease in batch],
        )
        for lease in map(Lease, rows[0]["job_ids"] or (), rows[0]["epochs"] or ()):
            self._accepted[batch.pop(lease)] = True
            if deletes:
                self._deleted[target] += 1
        return list(batch.values())

    async def _apply(self, worker_id: str, positions: Sequence[int]) -> None:
        batch = [self._settlements[position] for position in positions]
        rows = await self._link.run(
            "settle",
            now=self._now,
            worker_id=worker_id,
            **arrays_of(batch),
            not_kept=[str(status) for status in self._not_kept],
            soon_seconds=soon_in(self._link.session),
        )
        found = {(row["job_id"], row["epoch"]): True if row["applied"] else None for row in rows}
        for one, position in zip(batch, positions, strict=True):
            self._accepted[position] = found.get((one.job_id, one.epoch), False)
        self._deleted.update(JobStatus(row["deleted"]) for row in rows if row["deleted"] is not None)


def plain_end(verdict: Verdict) -> JobStatus | None:
    """Where a verdict leaves its job that says nothing else: no result, no note. None for others."""
    if verdict.result is None and verdict.error_message is None and verdict.traceback is None:
        return PLAIN_ENDS.get(verdict.event)
    return None


def arrays_of(settlements: Sequence[Settlement]) -> dict[str, Any]:
    """Settlements as the parallel arrays that `settle` unnests: what each says, and what it does to a row."""
    verdicts = [one.verdict for one in settlements]
    endings = [ending_of(verdict.event) for verdict in verdicts]
    targets = [ending.targets for ending in endings]
    return {
        "job_ids": [one.job_id for one in settlements],
        "epochs": [one.epoch for one in settlements],
        "targets": [str(target.unchanged) for target in targets],
        "targets_if_cancelled": [str(target.if_cancelled) for target in targets],
        "targets_if_superseded": [str(target.if_superseded) for target in targets],
        "outcomes": [ending.outcome for ending in endings],
        "gives_back": [ending.gives_back for ending in endings],
        "unclaims": [verdict.unclaims for verdict in verdicts],
        "counts_retry": [ending.counts_retry for ending in endings],
        "leaves_history": [
            ending.leaves_history and verdict.recorded
            for ending, verdict in zip(endings, verdicts, strict=True)
        ],
        "keeps_error": [ending.keeps_error for ending in endings],
        "counts_unclaimed": [ending.counts_unclaimed for ending in endings],
        "delays": [seconds(verdict.delay) for verdict in verdicts],
        "error_messages": [verdict.error_message for verdict in verdicts],
        "tracebacks": [verdict.traceback for verdict in verdicts],
        "results": [verdict.result for verdict in verdicts],
        "error_groups": [None if one.failure is None else one.failure.group for one in verdicts],
        "error_types": [None if one.failure is None else one.failure.error_type for one in verdicts],
        "error_frames": [None if one.failure is None else one.failure.frame for one in verdicts],
    }
