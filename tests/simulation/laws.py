"""What each effect must satisfy: the promises, said a second time and in other words than the store's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pg_scheduler.domain.limits import CLOCK_SET_BACK, OF_QUEUES, burst_of
from pg_scheduler.domain.model import Lease
from pg_scheduler.domain.schedule import Overlap, ScheduleSpec
from pg_scheduler.domain.settling import GIVEN_BACK
from pg_scheduler.domain.states import JobEvent, JobStatus
from pg_scheduler.engine.leases.lease_keeper import RENEWALS_PER_LEASE
from pg_scheduler.engine.service import MAX_PAUSE
from pg_scheduler.ports.job_store import CancelAnswer
from pg_scheduler.ports.limit_store import QueueLimits
from pg_scheduler.testing.memory.rows import StoredJob
from tests.simulation.holds import Holds
from tests.simulation.ledger import Grant, Ledger, Rows, ScheduleStory
from tests.simulation.network import SLOW, Network
from tests.simulation.plan import CODE_KEYS
from tests.simulation.virtual_loop import Host, Life


@dataclass(slots=True)
class Step:
    """One effect, and the rows around it."""

    host: Host
    verb: str
    args: tuple[Any, ...]
    options: dict[str, Any]
    answer: Any
    before: Rows
    after: Rows
    rows: dict[str, StoredJob]
    network: Network
    holds: Holds
    paused: frozenset[str]
    """Tasks."""
    paused_queues: frozenset[str]
    queue_limits: Mapping[str, QueueLimits]
    ledger: Ledger
    max_crashes: int

    def moves(self) -> Iterator[tuple[str, JobStatus | None, JobStatus | None]]:
        """Jobs whose state is another now."""
        if self.before == self.after:
            return
        for job_id in {**self.before, **self.after}:
            was, now = self.before.get(job_id), self.after.get(job_id)
            if (was and was[0]) != (now and now[0]):
                yield job_id, was and was[0], now and now[0]


def _claims(step: Step) -> Iterator[str]:
    request, answer = step.args[0], step.answer
    now = step.options["now"]
    order = [(job.rank, job.execution_time, job.job_id) for job in answer.jobs]
    if order != sorted(order):
        yield "jobs do not come in start order"
    if len(answer.jobs) > request.limit:
        yield "more jobs than asked for"
    for job in answer.jobs:
        epochs = step.ledger.epochs.get(job.job_id, ())
        if epochs and job.epoch <= max(epochs):
            yield f"{job.job_id} was claimed under epoch {job.epoch} again"
        if job.execution_time > now:
            yield f"{job.job_id} was claimed before it is due"
        if job.task_name not in request.task_names:
            yield f"{job.job_id} was given to a worker that does not know it"
        if request.queues is not None and job.queue not in request.queues:
            yield f"{job.job_id} was given to a worker that does not serve {job.queue!r}"
        if job.queue in step.paused_queues:
            yield f"{job.job_id} was claimed though {job.queue!r} is paused"
        step.ledger.claimed(job, request.worker_id, step.host, step.network.loop.time(), now, request.lease)
    for job_id in answer.expired:
        if step.ledger.story(job_id).begun:
            yield f"{job_id} expired though it had been started before"


def _claim(step: Step) -> Iterator[str]:
    yield from _claims(step)
    for job in step.answer.jobs:
        if job.queue in step.queue_limits:
            yield f"{job.job_id} was claimed past the limits of {job.queue!r}"
    request, taken = step.args[0], {job.job_id for job in step.answer.jobs}
    last = max(((job.rank, job.execution_time, job.job_id) for job in step.answer.jobs), default=None)
    for job_id, row in step.rows.items():
        if row.status is not JobStatus.PENDING or row.lane is not None or job_id in taken:
            continue
        if job_id in step.holds.jobs:
            continue
        if row.new.task_name not in request.task_names or row.execution_time > step.options["now"]:
            continue
        if not _is_served(step, row):
            continue
        if step.answer.rows < request.limit:
            yield f"{job_id} was due and left, though there was room"
        elif last is not None and (row.new.rank, row.execution_time, job_id) < last:
            yield f"{job_id} was more urgent than what was taken"


def _is_served(step: Step, row: StoredJob) -> bool:
    """Whether the worker may take jobs from the queue in which it waits."""
    queues, queue = step.args[0].queues, row.new.queue
    return queue not in step.paused_queues and (queues is None or queue in queues)


def _claim_lanes(step: Step) -> Iterator[str]:
    yield from _still_lanes(step)
    yield from _claims(step)
    yield from _too_many_of_queues(step)
    for name, lane in sorted({(job.task_name, job.lane) for job in step.answer.jobs}):
        limits = step.ledger.limits.get(name)
        if limits is None:
            continue
        running = sum(
            row.status is JobStatus.RUNNING and (row.new.task_name, row.lane) == (name, lane)
            for row in step.rows.values()
        )
        if limits.concurrency is not None and running > limits.concurrency:
            yield f"{running} jobs of {name!r}/{lane!r} run, {limits.concurrency} may"
        if limits.rate is not None:
            starts = step.ledger.starts[name, lane]
            recent = sum(start > step.options["now"] - timedelta(seconds=1) for start in starts)
            if recent > limits.rate + burst_of(limits.rate):
                yield f"{recent} jobs of {name!r}/{lane!r} started within a second"


def _too_many_of_queues(step: Step) -> Iterator[str]:
    """Of a queue with limits, what was claimed now is not too much, whatever ran before the limits came."""
    now = step.options["now"]
    for queue in sorted({job.queue for job in step.answer.jobs}.intersection(step.queue_limits)):
        known = step.queue_limits[queue]
        concurrency, rate = known.limits.concurrency, known.limits.rate
        running = sum(
            row.status is JobStatus.RUNNING and row.new.queue == queue for row in step.rows.values()
        )
        if concurrency is not None and running > concurrency:
            yield f"{running} jobs of the queue {queue!r} run, {concurrency} may"
        if rate is not None:
            since = max(known.since, now - timedelta(seconds=1))
            recent = sum(start > since for start in step.ledger.starts.get((OF_QUEUES, queue), ()))
            if recent > rate + burst_of(rate):
                yield f"{recent} jobs of the queue {queue!r} started within a second"


def _still_lanes(step: Step) -> Iterator[str]:
    """A lane whose bucket must have been full for long gives what is due, whatever the clocks show. (That one
    was set back by less than a minute, the statements cannot tell.)"""
    request, now, started_at = step.args[0], step.network.loop.time(), step.ledger.started_at
    if len(step.answer.jobs) >= request.limit or step.answer.more:
        return
    due = {
        (row.new.task_name, row.lane)
        for row in step.rows.values()
        if row.status is JobStatus.PENDING
        and row.lane is not None
        and row.execution_time <= step.options["now"]
        and row.job_id not in step.holds.jobs
        and _is_served(step, row)
    }
    given = {(job.task_name, job.lane) for job in step.answer.jobs}
    for name, lane in sorted(due - given):
        limits = step.ledger.limits.get(name)
        if limits is None or limits.rate is None or name in step.paused or name not in request.task_names:
            continue
        if step.queue_limits:
            continue  # it may be the queue that is full
        if (name, lane) in step.ledger.set_back:
            step.ledger.set_back.discard((name, lane))
            started_at[name, lane] = now
        still = now - started_at.get((name, lane), now)
        longest = CLOCK_SET_BACK.total_seconds() + 2 * burst_of(limits.rate) / limits.rate + SLOW
        if still > longest:
            yield f"the rate of {name!r}/{lane!r} has stood still for {still:.1f} s"


def _renew(step: Step) -> Iterator[str]:
    request, until = step.args[0], step.options["now"] + step.args[0].lease
    for lease in request.leases:
        grants = step.ledger.story(lease.job_id).grants
        mine = grants and (grants[-1].epoch, grants[-1].worker_id) == (lease.epoch, request.worker_id)
        runs = step.after.get(lease.job_id) == (JobStatus.RUNNING, lease.epoch)
        if (lease in step.answer.held) != bool(mine and runs):
            yield f"told the wrong thing about the lease of {lease.job_id}"
        if lease in step.answer.held and grants:
            grants[-1].until = until
            grants[-1].renewed_at = step.network.loop.time()
    for job_id, (status, epoch) in step.after.items():
        grants = step.ledger.story(job_id).grants
        if status is not JobStatus.RUNNING or not grants or grants[-1].worker_id != request.worker_id:
            continue
        if grants[-1].let_go:
            continue
        known_at = grants[-1].known_at
        if (
            known_at is not None
            and known_at < step.options["sent"]
            and Lease(job_id, epoch) not in request.leases
        ):
            yield f"the lease of {job_id} is held, and was not renewed"


def _settle(step: Step) -> Iterator[str]:
    for told, accepted in zip(step.args[0], step.answer.accepted, strict=True):
        if not accepted:
            for latest in step.ledger.story(told.job_id).grants[-1:] if accepted is None else ():
                latest.let_go = told.verdict.event is JobEvent.RELEASE
            continue
        story, event = step.ledger.story(told.job_id), told.verdict.event
        was = step.before[told.job_id][0]
        grant = story.grants[-1] if story.grants else None
        if grant is None or grant.epoch != told.epoch:
            yield f"a stale {event} of {told.job_id} under epoch {told.epoch} was accepted"
        elif grant.worker_id != told.worker_id:
            yield f"a {event} of {told.job_id} by another than its owner was accepted"
        elif grant.host is not step.host:
            yield f"a {event} of {told.job_id} by {step.host.name}, which never had it, was accepted"
        if was is not JobStatus.RUNNING and (was, event) != (JobStatus.PENDING, JobEvent.COMPLETE):
            yield f"{event} of {told.job_id} was accepted while it was {was}"
        after = step.after.get(told.job_id)
        if story.cancel_asked and after == (JobStatus.PENDING, told.epoch):
            yield f"{told.job_id} should have been cancelled, and will run again"
        elif grant is not None:
            grant.unbegun = event in GIVEN_BACK and not told.verdict.recorded
        story.accepted.append(event)
        if story.completions > 1:
            yield f"{told.job_id} was completed {story.completions} times"
        story.given_back += event in GIVEN_BACK
        story.retries += event is JobEvent.RETRY and not _was_cancelled(step, told.job_id)
        now = step.after.get(told.job_id)
        ended = now is None or now[0].finished
        story.ended_running |= ended and was is JobStatus.RUNNING and event not in GIVEN_BACK
        if event is JobEvent.COMPLETE and not story.returned:
            yield f"{told.job_id} was completed though its function never came to its end"
        if now is None:
            step.ledger.deleted[told.job_id] = JobStatus.COMPLETED


def _was_cancelled(step: Step, job_id: str) -> bool:
    now = step.after.get(job_id)
    return now is not None and now[0] is JobStatus.CANCELLED


def _reclaim(step: Step) -> Iterator[str]:
    now = step.options["now"]
    for one in step.answer.jobs:
        story = step.ledger.story(one.job_id)
        story.lost += 1
        if not story.grants:
            yield f"{one.job_id} was taken back though nobody had it"
            continue
        grant = story.grants[-1]
        if grant.until >= now:
            yield f"{one.job_id} was taken back {grant.until - now} before its lease ends"
        if story.lost > step.max_crashes:
            yield f"{one.job_id} was lost {story.lost} times; {step.max_crashes} are allowed"
        if grant.host.life is Life.RUNS and grant.known_at is not None:
            yield from _theft(step, one.job_id, grant)


def _theft(step: Step, job_id: str, grant: Grant) -> Iterator[str]:
    """A job is taken from a host that lives, and knows that it has it: it must have had no chance."""
    network, lease = step.network, grant.lease.total_seconds()
    until = min(network.loop.time(), grant.renewed_at + lease)
    chance = network.clear_stretch(grant.host, grant.renewed_at, until)
    if chance > lease / RENEWALS_PER_LEASE + min(MAX_PAUSE, lease / 6) + 2 * SLOW:
        yield f"{job_id} was stolen from {grant.host.name}, which could have renewed for {chance:.1f} s"
    if grant.done_at is not None:
        chance = network.clear_stretch(grant.host, max(grant.done_at, grant.renewed_at), until)
        if chance > MAX_PAUSE + 2 * SLOW:
            yield f"{job_id} was done, and {grant.host.name} did not say so for {chance:.1f} s"
    lost, back = network.away
    waited = network.loop.time() - back
    quiet_since = max(step.host.awake_since, grant.host.awake_since)
    in_time_before = (
        network.jumped_at < grant.renewed_at and grant.renewed_at >= lost - lease / RENEWALS_PER_LEASE - SLOW
    )
    cut_off = {step.host.name, grant.host.name} & network.cut_off
    if (
        in_time_before
        and lost <= until
        and 0 <= waited < lease / 2 - SLOW
        and quiet_since < lost
        # Of what happens while its question is under way, the one who takes jobs back knows nothing.
        and step.options["sent"] >= lost
        and not cut_off
    ):
        yield f"{job_id} was stolen from {grant.host.name} {waited:.1f} s after an outage"


def _advance(step: Step) -> Iterator[str]:
    yield from _made_again(step)
    for advance, counted in zip(step.args[0], step.answer, strict=True):
        if counted:
            yield from _before_their_time(step, advance)
            yield from (_code_advanced if advance.key in CODE_KEYS else _advanced)(step, advance)


def _before_their_time(step: Step, advance: Any) -> Iterator[str]:
    """A window is decided about once it is due, by a clock that somebody may have read before it was set
    back."""
    latest = max(step.options["now"], step.ledger.showed)
    if advance.expected_next is not None and advance.mark > latest:
        yield f"windows of {advance.key} until {advance.mark} were decided about before they were due"


def _made_again(step: Step) -> Iterator[str]:
    """A run that retention has deleted is no more known to have been. Its window comes again only where the
    clock was set back to before it; then it is a new job."""
    for job_id, was, _ in step.moves():
        if was is None and step.ledger.deleted.pop(job_id, None) is not None:
            if job_id not in step.ledger.undone:
                yield f"{job_id} was made again after it had been deleted"
            step.ledger.undone.discard(job_id)
            step.ledger.begin_anew(job_id)
    for advance, counted in zip(step.args[0], step.answer, strict=True):
        if counted:
            step.ledger.windows.update((job.job_id, job.window) for job in advance.jobs)
            still_to_come = (job.job_id for job in advance.jobs if job.window > step.options["now"])
            step.ledger.undone.update(still_to_come)


def _advanced(step: Step, advance: Any) -> Iterator[str]:
    story = step.ledger.schedules.get(advance.key)
    if story is None:
        yield f"schedule {advance.key} is not stored"
        return
    if advance.jobs and story.overlap is not Overlap.ALLOW:
        busy = [job_id for job_id, (status, _) in step.before.items() if not status.finished]
        if any(step.rows[job_id].new.schedule_key == advance.key for job_id in busy):
            yield f"a window of {advance.key} was enqueued while another is unfinished"
    if advance.expected_next is not None:
        yield from _next_windows(story, advance, step.options["now"])
    story.next_window = advance.next_window


def _code_advanced(step: Step, advance: Any) -> Iterator[str]:
    """The schedule of the code is one schedule, whatever a release calls it."""
    story = step.ledger.code
    assert story is not None
    if advance.jobs and story.overlap is not Overlap.ALLOW:
        busy = [job_id for job_id, (status, _) in step.before.items() if not status.finished]
        if any(step.rows[job_id].new.schedule_key in CODE_KEYS for job_id in busy):
            yield f"a window of {advance.key} was enqueued while another run of the code's is unfinished"
    if advance.expected_next is None:
        return
    passed = (advance.mark - advance.expected_next) // story.every + 1
    if passed != len(advance.jobs) + advance.skipped:
        yield f"{passed} windows passed, {len(advance.jobs)} enqueued and {advance.skipped} skipped"
    again = story.decide(advance.expected_next, advance.mark, step.options["now"])
    if again:
        yield f"windows were decided about again, under {advance.key}: {[str(one) for one in again]}"


def _next_windows(story: ScheduleStory, advance: Any, now: datetime) -> Iterator[str]:
    if story.next_window is not None and advance.expected_next != story.next_window:
        yield f"went on at {advance.expected_next}, {story.next_window} was next"
    passed = (advance.mark - advance.expected_next) // story.every + 1
    if passed != len(advance.jobs) + advance.skipped:
        yield f"{passed} windows passed, {len(advance.jobs)} enqueued and {advance.skipped} skipped"
    for job in advance.jobs:
        if job.window in story.windows:
            yield f"window {job.window} was enqueued twice"
        if job.window <= now:  # or the clock was set back meanwhile: then it comes once more
            story.windows.append(job.window)
    due = (max(now, advance.mark) - advance.expected_next) // story.every + 1
    story.skipped += max(advance.skipped - max(due - story.limit, 0), 0)


def _submit(step: Step) -> Iterator[str]:
    for job_id, was, _ in step.moves():
        if was is None and step.ledger.deleted.pop(job_id, None) is not None:
            # Once retention has deleted a job, its id is free: whoever still submits it makes a new one.
            step.ledger.begin_anew(job_id)
    yield from ()


def _schedule_changed(step: Step) -> Iterator[str]:
    wanted = step.args[0]
    spec = ScheduleSpec.from_text(wanted.spec)
    assert spec.every is not None
    story = step.ledger.schedules.setdefault(
        wanted.key, ScheduleStory(spec.every, spec.overlap, spec.catch_up_limit)
    )
    story.next_window = None  # another rule, or a clock that was set back, may begin elsewhere
    yield from ()


def _paused(step: Step) -> Iterator[str]:
    story = step.ledger.schedules.get(step.args[0])
    if story is not None:
        story.next_window = None
    for job_id, _, now in step.moves():
        if now is JobStatus.CANCELLED:
            step.ledger.story(job_id).cancel_asked = True
    yield from ()


def _cancelled(step: Step) -> Iterator[str]:
    for job_id, met in zip(step.args[0], step.answer, strict=True):
        if met in (CancelAnswer.CANCELLED, CancelAnswer.REQUESTED):
            step.ledger.story(job_id).cancel_asked = True
    yield from ()


def _pruned(step: Step) -> Iterator[str]:
    for job_id, was, _ in step.moves():
        assert was is not None
        step.ledger.deleted[job_id] = was
    yield from ()


LAWS: dict[str, Callable[[Step], Iterator[str]]] = {
    "submit": _submit,
    "claim": _claim,
    "claim_lanes": _claim_lanes,
    "renew": _renew,
    "settle": _settle,
    "reclaim_expired": _reclaim,
    "advance_schedules": _advance,
    "put_schedule": _schedule_changed,
    "set_paused": _paused,
    "request_cancel": _cancelled,
    "prune": _pruned,
}
