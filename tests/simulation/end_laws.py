"""What must be true once everything worked again for a while, and all workers were told to stop."""

from __future__ import annotations

from collections.abc import Iterator

from pg_scheduler.domain.schedule import CatchUp, Overlap, window_job_id
from pg_scheduler.domain.states import JobEvent, JobStatus
from pg_scheduler.testing.memory.rows import StoredJob
from tests.simulation.bad_rows import BAD_SCHEDULE, NONSENSE
from tests.simulation.ledger import JobStory
from tests.simulation.plan import MAX_CRASHES, JobPlan
from tests.simulation.world import World


def at_rest(world: World) -> bool:
    """Whether every planned job is stored and no stored job is unfinished."""
    ledger = world.ledger
    return all(job.job_id in ledger.acknowledged for job in world.plan.jobs) and not any(
        row.unfinished for row in world.store.state.jobs.values()
    )


def broken_at_the_end(world: World) -> Iterator[str]:
    """What is wrong."""
    rows, ledger = world.store.state.jobs, world.ledger
    planned = {job.job_id: job for job in world.plan.jobs}
    for job_id in planned:
        if job_id not in ledger.acknowledged:
            yield f"{job_id} could not be submitted"
        if job_id not in rows and job_id not in ledger.deleted:
            yield f"{job_id} is lost"
    for job_id, row in rows.items():
        if job_id not in planned and not job_id.startswith("periodic:"):
            yield f"{job_id} is stored, and nobody asked for it"
        if row.unfinished:
            yield f"{job_id} is stranded: {row.status}"
        yield from _untrue(row, ledger.story(job_id), planned.get(job_id))
    yield from _windows(world)
    yield from _windows_of_code(world)
    yield from _bad_rows(world)
    yield from _leftovers(world)


def _untrue(row: StoredJob, story: JobStory, plan: JobPlan | None) -> Iterator[str]:
    name = row.new.job_id
    counts = (row.attempt_count, row.crash_count, row.retry_count)
    told = (len(story.grants) - story.given_back, story.lost, story.retries)
    if counts != told:
        yield f"{name} counts (attempts, lost, retries) {counts}; they were {told}"
    if row.attempt_count != story.ended_running + story.lost + story.retries:
        yield f"{name}: attempts are not 1 + lost + retries, {counts}"
    match row.status:
        case JobStatus.COMPLETED if story.completions != 1:
            yield f"{name} is completed by {story.completions} completions"
        case JobStatus.FAILED if story.lost < MAX_CRASHES and JobEvent.FAIL not in story.accepted:
            yield f"{name} failed, and nobody knows why"
        case JobStatus.CANCELLED if not story.cancel_asked and row.new.exclusive_key is None:
            yield f"{name} is cancelled, and nobody asked for that"
        case JobStatus.EXPIRED if story.begun or plan is None or plan.grace is None:
            yield f"{name} expired, and should not have"
    if row.status is not JobStatus.COMPLETED and story.completions:
        yield f"{name} was completed, and is {row.status}"


def _windows(world: World) -> Iterator[str]:
    for plan in world.plan.schedules:
        story = world.ledger.schedules.get(plan.key)
        if story is None:
            yield f"schedule {plan.key} could not be stored"
            continue
        if story.windows != sorted(story.windows):
            yield f"windows of {plan.key} were enqueued out of order"
        if story.skipped and plan.catch_up is CatchUp.ALL and plan.overlap is not Overlap.SKIP:
            yield f"{story.skipped} windows of {plan.key} were skipped"
        for window in story.windows:
            job_id = window_job_id(plan.key, window)
            if job_id not in world.store.state.jobs and job_id not in world.ledger.deleted:
                yield f"the job of window {window} of {plan.key} is lost"


def _windows_of_code(world: World) -> Iterator[str]:
    code = world.ledger.code
    if code is not None and code.lost:
        yield f"{code.lost} windows of the code's schedule were neither enqueued nor counted"


def _bad_rows(world: World) -> Iterator[str]:
    for row in world.store.state.jobs.values():
        if row.new.task_data in NONSENSE and row.status is JobStatus.COMPLETED:
            yield f"{row.job_id} is completed with the arguments {row.new.task_data!r}"
    for key, schedule in world.store.state.schedules.items():
        if key.startswith(BAD_SCHEDULE) and schedule.run_count:
            yield f"schedule {key}, which nobody can read, has run"


def _leftovers(world: World) -> Iterator[str]:
    if world.network.subscriptions:
        yield f"{len(world.network.subscriptions)} listening connections are left"
    if world.network.locks:
        yield f"locks are left: {sorted(world.network.locks)}"
    yield from world.loop.complaints
