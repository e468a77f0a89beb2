"""Reconciles what this worker knows with the store after a reply was lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from pg_scheduler.domain.model import ClaimedJob, Lease
from pg_scheduler.domain.settling import ending_of, stored_already
from pg_scheduler.domain.states import JobEvent, JobStatus
from pg_scheduler.domain.verdict import Settlement, Verdict
from pg_scheduler.ports.insight import Insight
from pg_scheduler.ports.job_store import SettleAnswer


async def settled_before(
    insight: Insight, settlements: Sequence[Settlement], not_kept: Collection[JobStatus]
) -> SettleAnswer:
    """For verdicts that the store refuses after an answer was lost: what that answer was, as far as can be
    known. Two reads each: it happens after broken connections only, and the statement that settles stays as
    it is."""
    accepted: list[bool] = []
    deleted = Counter[JobStatus]()
    for settlement in settlements:
        record = await insight.job(settlement.job_id)
        attempts = await insight.attempts(settlement.job_id)
        accepted.append(stored_already(settlement, record, attempts, not_kept))
        if accepted[-1] and record is None:
            targets = ending_of(settlement.verdict.event).targets
            deleted[targets.unchanged if targets.unchanged in not_kept else targets.if_cancelled] += 1
    return SettleAnswer(accepted, deleted)


async def id_was_reused(insight: Insight, jobs: Iterable[ClaimedJob]) -> set[Lease]:
    """The leases of jobs that have been deleted, and others stored under their ids: a verdict that is sent
    again would be refused, though it may well be what deleted its job."""
    found = [(job, await insight.job(job.job_id)) for job in jobs]
    return {job.lease for job, row in found if row is not None and row.created_at != job.created_at}


async def orphaned_claims(insight: Insight, worker_id: str, known: Iterable[Lease]) -> list[Settlement]:
    """Releases for the jobs that the store believes this worker runs and of which it knows nothing: they were
    claimed for it, and the answer was lost; or they have ended, and a server that took over does not know. As
    settlements they are fenced like all others."""
    kept = set(known)
    return [
        Settlement(*lease, worker_id, Verdict(JobEvent.RELEASE, error_message=STRAY))
        for lease in await insight.leases_of(worker_id)
        if lease not in kept
    ]


STRAY = "unknown to its worker: the answer to its claim was lost, or the database has forgotten its end"
"""How the history explains such an attempt."""
