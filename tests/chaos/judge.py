"""Compares what really ran with what the table says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pg_scheduler.domain.states import JobEvent
from tests.chaos.crew import Fault, FaultKind
from tests.chaos.journal import Entry, Line
from tests.chaos.table import UNFINISHED, LostLease, Row

FATAL = (FaultKind.KILL, FaultKind.TERM, FaultKind.EXIT)
ENDS = (Entry.END, Entry.FAIL, Entry.STOP)
LostLeases = Mapping[tuple[str, int], LostLease]
"""By job and epoch."""
CLOCK_GRAIN = 0.001
"""Seconds by which two readings of the machine's clock may seem out of order."""


@dataclass(slots=True)
class Attempt:
    """One start of a job's function and what is known of its end."""

    start: Line
    ended: Line | None = None
    answer: Line | None = None

    @property
    def asked_for_another(self) -> bool:
        """True where the function failed as it was told to: the next start is no repetition."""
        return self.ended is not None and self.ended.entry is Entry.FAIL


@dataclass(frozen=True, slots=True)
class Findings:
    """What one scenario did and what came of it."""

    faults: int
    jobs: int
    lost: int
    """Neither completed nor left over: failed, expired, cancelled, or gone from the table."""
    stranded: int
    """Left pending or running."""
    starts: int
    extra: int
    """Starts beyond the first that no failure of the job itself had asked for."""
    in_flight: int
    """Attempts under way when their worker was hurt: the bound on `extra`."""
    unexplained: int
    """Extra starts whose predecessor was not in flight at a fault, or that share its lease."""
    lapsed: int
    """Extra starts whose predecessor's lease had been taken back."""
    refused: int
    """Completions of stale attempts that reached the store and were refused."""
    late: int
    """Verdicts of paused attempts that rightly counted: nobody had taken the job over."""
    stale: int
    """Jobs that the store completed for an attempt that was not the latest. Must be 0."""
    recovery_p50: float | None
    """Seconds from a kill until a job of the killed worker could be claimed again, without those in which
    no other worker was up: who kills them faster than they start has nobody who could do it."""
    recovery_max: float | None
    recovery_in_all: float | None
    """As before, with the seconds in which nobody was up."""
    queued_max: float | None
    """Seconds from then until it began: more urgent jobs come first, and workers have to start up."""
    rate: float
    """Completed jobs per second, from the first start to the last end."""


def judge(
    planned: Collection[str] | Mapping[str, str],
    rows: Mapping[str, Row],
    lines: Sequence[Line],
    faults: Sequence[Fault],
    lost_leases: LostLeases | None = None,
    times_agree: bool = True,
) -> Findings:
    """The findings on a scenario that is over. `planned` may say in which status a job is to end, where that
    is not "completed". `lost_leases` are those that ended, by job and epoch, with the worker that lost it."""
    wanted = planned if isinstance(planned, Mapping) else dict.fromkeys(planned, "completed")
    lost_leases = lost_leases or {}
    by_job = attempts_by_job(lines)
    # Of several faults that hit one attempt the first counts: it may have cost the lease already.
    hit = {
        id(attempt): fault for fault in reversed(faults) for attempt in in_flight(by_job, fault, lost_leases)
    }
    statuses = {job_id: rows[job_id].status if job_id in rows else "gone" for job_id in wanted}
    stranded = sum(status in UNFINISHED for status in statuses.values())
    ended_well = sum(status == wanted[job_id] for job_id, status in statuses.items())
    repetitions = list(repeated(by_job))
    waits_for_return = list(_waits_for_return(_Deaths(lines, faults), lost_leases))
    there = _Attendance(lines, faults)
    returns = sorted(end - begin - there.missing(begin, end) for begin, end in waits_for_return)
    waits = list(_waits_for_start(repetitions, hit, lost_leases))
    answered = Counter(line.entry for line in lines)
    times = [line.at for line in lines if line.entry in (Entry.START, Entry.END)] or [0.0]
    return Findings(
        faults=len(faults),
        jobs=len(wanted),
        lost=len(wanted) - ended_well - stranded,
        stranded=stranded,
        starts=answered[Entry.START],
        extra=len(repetitions),
        in_flight=len(hit),
        unexplained=sum(not _explained(first, again, hit) for first, again in repetitions),
        lapsed=sum((first.start.job_id, first.start.epoch) in lost_leases for first, _ in repetitions),
        refused=sum(line.entry is Entry.REFUSED and line.event == JobEvent.COMPLETE for line in lines),
        late=sum(_counted_late(attempts, hit, lost_leases) for attempts in by_job.values()),
        stale=sum(
            _completed_for_stale(row, by_job.get(row.job_id, []), times_agree)
            for row in rows.values()
            if row.job_id in wanted
        ),
        recovery_p50=returns[len(returns) // 2] if returns else None,
        recovery_max=returns[-1] if returns else None,
        recovery_in_all=max((end - begin for begin, end in waits_for_return), default=None),
        queued_max=max(waits, default=None),
        rate=ended_well / max(max(times) - min(times), 0.001),
    )


def attempts_by_job(lines: Sequence[Line]) -> dict[str, list[Attempt]]:
    """Every start, with its end and the store's answer, in order of epoch, then time."""
    started: dict[str, list[Attempt]] = {}
    latest: dict[tuple[str, int, int], Attempt] = {}
    for line in lines:
        key = (line.job_id, line.epoch, line.pid)
        if line.entry is Entry.START:
            latest[key] = Attempt(line)
            started.setdefault(line.job_id, []).append(latest[key])
        elif key in latest and line.entry in (Entry.ACCEPTED, Entry.REFUSED):
            latest[key].answer = line
        elif key in latest and line.entry in ENDS:
            latest[key].ended = line
    for attempts in started.values():
        attempts.sort(key=lambda attempt: attempt.start.epoch)
    return started


def in_flight(
    by_job: Mapping[str, Sequence[Attempt]], fault: Fault, lost_leases: LostLeases
) -> Iterator[Attempt]:
    """Attempts that the hurt worker had claimed and not yet heard the store's answer to. One that it was just
    about to begin may begin when the worker goes on, its lease long over; and a worker that is told to leave
    begins what a claim brings that was under way when it was told."""
    for attempts in by_job.values():
        for attempt in attempts:
            unsettled = attempt.answer is None or attempt.answer.at > fault.began
            lease = lost_leases.get((attempt.start.job_id, attempt.start.epoch))
            claimed = min(attempt.start.at, attempt.start.at if lease is None else lease.claimed)
            begun = claimed <= fault.began or fault.kind is FaultKind.TERM
            if attempt.start.pid == fault.pid and begun and unsettled:
                yield attempt


def repeated(by_job: Mapping[str, Sequence[Attempt]]) -> Iterator[tuple[Attempt, Attempt]]:
    """Pairs of successive starts of one job of which the second was not asked for by the first."""
    for attempts in by_job.values():
        for first, again in pairwise(attempts):
            if not first.asked_for_another or first.start.epoch == again.start.epoch:
                yield first, again


def _explained(first: Attempt, again: Attempt, hit: Mapping[int, Fault]) -> bool:
    fault = hit.get(id(first))
    return fault is not None and first.start.epoch < again.start.epoch and fault.began <= again.start.at


class _Deaths:
    """When workers were killed, by their identity."""

    def __init__(self, lines: Sequence[Line], faults: Sequence[Fault]) -> None:
        killed = {fault.pid: fault.began for fault in faults if fault.kind is FaultKind.KILL}
        self._at = {line.worker_id: killed[line.pid] for line in lines if line.pid in killed}

    def of(self, worker_id: str | None) -> float | None:
        """Unix time in seconds; None if it was not killed."""
        return None if worker_id is None else self._at.get(worker_id)


class _Attendance:
    """When any worker was up."""

    def __init__(self, lines: Sequence[Line], faults: Sequence[Fault]) -> None:
        gone = {fault.pid: fault.began for fault in faults if fault.kind in FATAL}
        ready = [line for line in lines if line.entry is Entry.READY]
        self._spans = sorted((line.at, gone.get(line.pid, float("inf"))) for line in ready)

    def missing(self, begin: float, end: float) -> float:
        """Seconds of a span in which none was; 0 where the journal does not tell."""
        missing, covered = 0.0, begin
        for up, down in self._spans:
            if down > covered and up < end:
                missing += max(up - covered, 0.0)
                covered = max(covered, down)
        return missing + max(end - covered, 0.0) if self._spans else 0.0


def _waits_for_return(deaths: _Deaths, lost_leases: LostLeases) -> Iterator[tuple[float, float]]:
    """From when to when each lease of a killed worker kept its job from the others."""
    for lease in lost_leases.values():
        death = deaths.of(lease.worker_id)
        if death is not None:
            yield death, lease.at


def _waits_for_start(
    repetitions: Sequence[tuple[Attempt, Attempt]], hit: Mapping[int, Fault], lost_leases: LostLeases
) -> Iterator[float]:
    """How long a job that had come back waited for its turn."""
    for first, again in repetitions:
        before = [
            (epoch, lease.at)
            for (job_id, epoch), lease in lost_leases.items()
            if job_id == first.start.job_id and epoch < again.start.epoch
        ]
        if id(first) in hit and before:
            yield again.start.at - max(before)[1]


def _counted_late(attempts: Sequence[Attempt], hit: Mapping[int, Fault], lost_leases: LostLeases) -> int:
    paused = {key for key, fault in hit.items() if fault.kind is FaultKind.PAUSE}
    return sum(
        attempt.answer is not None
        and attempt.answer.entry is Entry.ACCEPTED
        and (id(attempt) in paused or (attempt.start.job_id, attempt.start.epoch) in lost_leases)
        for attempt in attempts
    )


def _completed_for_stale(row: Row, attempts: Sequence[Attempt], times_agree: bool) -> bool:
    """True if the row is completed without its own latest attempt having come to its end before.

    The journal and the table's own time decide, not what the store told the workers; and then also that:
    an accepted completion must be of the epoch that the row ended with, and there is only one.
    """
    if row.status != "completed":
        return False
    done = any(
        attempt.start.epoch == row.epoch
        and attempt.start.worker_id == row.worker_id
        and attempt.ended is not None
        and attempt.ended.entry is Entry.END
        and row.finished_at is not None
        and (not times_agree or attempt.ended.at <= row.finished_at + CLOCK_GRAIN)
        for attempt in attempts
    )
    counted = [
        attempt.start.epoch
        for attempt in attempts
        if attempt.answer is not None
        and attempt.answer.entry is Entry.ACCEPTED
        and attempt.answer.event == JobEvent.COMPLETE
    ]
    return not done or counted not in ([], [row.epoch])
