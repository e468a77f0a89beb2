"""Changing many jobs: what somebody has seen is what he changes."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from pg_scheduler import JobStatus, Queries, SyncQueries, SyncScheduler
from pg_scheduler.blocking.blocking_jobs import BlockingJobs
from pg_scheduler.client import changing
from pg_scheduler.domain.acts import Cancel, ChangeAnswer, Delete, Reschedule, Retry
from pg_scheduler.domain.audit import Actor
from pg_scheduler.domain.errors import InvalidInput, SelectionChanged
from pg_scheduler.domain.selection import Selection
from pg_scheduler.testing import MemoryDriver

WAITING = Selection((JobStatus.PENDING,))


@pytest.fixture
async def queries() -> AsyncIterator[Queries]:
    async with Queries(MemoryDriver()) as queries:
        yield queries


async def test_nothing_is_changed_if_more_match_than_somebody_has_seen(queries: Queries) -> None:
    await queries.enqueue(["mail"] * 3, [None] * 3)
    seen = await queries.count(WAITING)
    await queries.enqueue("mail")
    with pytest.raises(SelectionChanged, match="4 jobs or more match, 3 did") as refused:
        await queries.change(WAITING, Cancel(), expected=seen.number)
    assert (refused.value.expected, refused.value.found) == (3, 4)
    assert (await queries.count(WAITING)).number == 4
    assert (await queries.change(WAITING, Cancel(), expected=5)).affected == 4


async def test_what_came_later_than_somebody_looked_is_left_alone(queries: Queries) -> None:
    await queries.enqueue(["mail"] * 3, [None] * 3)
    seen = await queries.count(WAITING)
    await queries.enqueue("mail", None, dedupe_key="later")
    changed = await queries.change(WAITING, Cancel(), expected=seen.number, as_of=seen.now)
    assert (changed.affected, changed.left) == (3, False)
    (left,) = (await queries.page(WAITING)).jobs
    assert left.dedupe_key == "later"
    failed = Selection((JobStatus.CANCELLED,))
    seen = await queries.count(failed)
    await queries.client.cancel([left.job_id])
    assert (await queries.change(failed, Retry(), expected=3, as_of=seen.now)).affected == 3


async def test_no_more_are_changed_than_was_said_and_the_answer_says_if_more_match(queries: Queries) -> None:
    await queries.enqueue(["mail"] * 3, [None] * 3)
    changed = await queries.change(WAITING, Cancel(), at_most=2)
    assert (changed.affected, changed.left) == (2, True)


async def test_a_choice_is_changed_as_it_was_when_somebody_was_asked(queries: Queries) -> None:
    first, second = await queries.enqueue(["mail"] * 2, [None] * 2)
    choice = await queries.client.choose(WAITING, Cancel())
    await queries.client.override_status(first, JobStatus.COMPLETED)
    await queries.enqueue("mail")
    changed = await queries.client.change(choice, Cancel())
    assert changed.answers == {first: ChangeAnswer.NO_MATCH, second: ChangeAnswer.CHANGED}


async def test_what_cannot_be_done_to_any_job_is_refused(queries: Queries) -> None:
    for statuses, action in (
        ((JobStatus.FAILED,), Cancel()),
        ((JobStatus.PENDING,), Retry()),
        ((JobStatus.RUNNING,), Delete()),
        ((JobStatus.RUNNING, JobStatus.FAILED), Reschedule()),
    ):
        with pytest.raises(InvalidInput, match="impossible in this state"):
            await queries.change(Selection(statuses), action)
    with pytest.raises(InvalidInput, match="at_most"):
        await queries.change(WAITING, Cancel(), at_most=0)


async def test_many_are_changed_in_batches_under_one_record(
    queries: Queries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changing, "AT_ONCE", 2)
    await queries.enqueue(["mail"] * 5, [None] * 5)
    seen: list[tuple[int, int]] = []
    ada = Actor("ada", "test")
    changed = await queries.change(WAITING, Cancel(), by=ada, on_progress=lambda *pair: seen.append(pair))
    assert seen == [(2, 5), (4, 5), (5, 5)]
    (record,) = await queries.client.audit()
    assert (record.audit_id, record.affected) == (changed.audit_id, 5)
    undone = await queries.change(Selection(audit_id=changed.audit_id), Retry())
    assert undone.affected == 5


@pytest.mark.parametrize("make", [SyncQueries, SyncScheduler])
def test_programs_without_an_event_loop_see_and_change_the_same(make: type[BlockingJobs]) -> None:
    driver = MemoryDriver()
    SyncQueries(driver).enqueue(["mail"] * 3, [None] * 3)
    jobs = make(driver, schema=None)
    first = jobs.page(WAITING, limit=2)
    rest = jobs.page(WAITING, first.next, limit=2)
    assert [len(first.jobs), len(rest.jobs), jobs.count(WAITING).number] == [2, 1, 3]
    assert [(row.task_name, row.due) for row in jobs.summary().rows] == [("mail", 3)]
    assert jobs.why(first.jobs[0].job_id)[0].code == "no_worker"
    assert "no_workers" in {problem.code for problem in jobs.problems()}
    choice = jobs.choose(WAITING, Cancel())
    SyncQueries(driver).enqueue("mail")
    assert jobs.change(choice, Cancel()).affected == 3
    assert (jobs.failures().groups, jobs.minutes().rows) == ((), ())
    assert jobs.pause_queue("default")
    assert [paused.queue for paused in jobs.paused_queues()] == ["default"]
