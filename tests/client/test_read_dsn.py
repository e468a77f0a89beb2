"""Two stores stand for a primary and a replica that lags: what is asked of which shows in the answers."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pg_scheduler import InvalidInput, JobStatus, Queries, Scheduler
from pg_scheduler.domain.acts import Cancel, Retry
from pg_scheduler.domain.replica import Replica
from pg_scheduler.domain.selection import Selection
from pg_scheduler.testing import MemoryDriver
from pg_scheduler.testing.contract.scene import NOON
from tests.adapters.web.browsing import Browser


class Lagging(MemoryDriver):
    """A replica that has nothing of today yet."""

    def __init__(self) -> None:
        super().__init__()
        self.insight.replica = self._replica  # type: ignore[method-assign]

    async def _replica(self) -> Replica:
        return Replica(NOON, timedelta(seconds=7))


@pytest.fixture
def primary() -> MemoryDriver:
    return MemoryDriver()


@pytest.fixture
def queries(primary: MemoryDriver) -> Queries:
    return Queries(primary, read_dsn=Lagging())


async def test_questions_go_to_the_replica_and_what_is_asked_of_a_handle_to_the_primary(
    queries: Queries, primary: MemoryDriver
) -> None:
    (handle,) = await queries.enqueue("mail")
    await queries.pause_queue("bulk")
    await queries.limit_queue("bulk", concurrency_limit=1)
    assert await handle.status() is JobStatus.PENDING
    assert [reason.code for reason in await queries.why(handle)] != []
    everything = Selection()
    assert (
        await queries.job(handle), await queries.jobs(), (await queries.page(everything)).jobs,
        (await queries.count(everything)).number, (await queries.summary()).rows, await queries.queue_size(),
        await queries.paused_queues(), await queries.queue_limits(), await queries.limits(),
        await queries.job_status([handle]), await queries.client.audit(), await queries.workers(),
        (await queries.failures()).groups, (await queries.minutes()).rows, await queries.attempts(handle),
        sum((await queries.log_statistics()).values()),
    ) == (None, [], (), 0, (), [], [], [], [], {}, [], [], (), (), [], 0)  # fmt: skip
    found = await queries.replica()
    assert str(found) == "a replica, whose last commit is 7.0 s old (2030-01-01 12:00:00Z)"
    assert await Queries(primary).replica() is None


async def test_what_changes_jobs_looks_where_they_are_changed(queries: Queries) -> None:
    kept, other = await queries.enqueue(["mail", "mail"])
    assert await queries.cancel(task="mail") == 2
    assert (await queries.change(Selection(), Retry())).affected == 2
    assert (await queries.change([kept], Cancel())).affected == 1
    assert await queries.retry(status="cancelled") == 1
    assert await queries.clear_queue() == 2
    assert await handle_statuses(queries, kept, other) == [JobStatus.CANCELLED] * 2


async def nothing() -> None:
    """A task."""


async def handle_statuses(queries: Queries, *job_ids: str) -> list[JobStatus]:
    return [await queries.handle(job_id).status() for job_id in job_ids]


async def test_schedules_are_listed_from_the_replica_and_changed_on_the_primary() -> None:
    scheduler = Scheduler(MemoryDriver(), read_dsn=Lagging())
    scheduler.register(nothing, name="look")
    key = await scheduler.add_schedule("look", every=timedelta(hours=1), key="hourly")
    assert (await scheduler.list_schedules(), len(await scheduler.next_runs(key, 2))) == ([], 2)
    await scheduler.shutdown()


async def test_pages_are_read_from_the_replica_and_say_so_and_acts_go_to_the_primary(
    queries: Queries,
) -> None:
    (handle,) = await queries.enqueue("mail", queue="bulk")
    browser = Browser.of(queries)
    page = await browser.get("/jobs")
    assert "Read from a replica, whose last commit is 7.0 s old" in page.text
    assert "There are no jobs yet" in page.text
    # What explains a job, and what one agrees to, is the primary's.
    assert "mail" in (await browser.get("/job", id=handle)).text
    await browser.submit((await browser.get("/jobs/confirm", act="cancel", id=handle)).form("/jobs/cancel"))
    assert await handle.status() is JobStatus.CANCELLED
    # The script renews that line too.
    answer = await browser.client.get("/jobs", headers={"live-regions": "replica"})
    assert "whose last commit" in answer.text
    assert "replica" not in (await Browser.of(Queries(queries.driver)).get("/jobs")).text


async def test_a_client_that_is_shared_brings_its_replica() -> None:
    with pytest.raises(InvalidInput, match="read_dsn"):
        Queries(Scheduler(MemoryDriver()), read_dsn=Lagging())
