"""What is going on, in figures."""

from __future__ import annotations

from datetime import timedelta

from pg_scheduler.domain.minutes import BUCKETS, KEPT, Minute, Tally
from pg_scheduler.ports.driver import Driver
from pg_scheduler.testing.contract.scene import NOON, at, claimed, new, submit

MAIL, BULK = ("post", "mail"), ("bulk", "send")


def tally(started: int, failed: int = 0, *, wait: int = 0) -> Tally:
    """So many that have begun, which all waited as long."""
    waits = [0] * BUCKETS
    waits[wait] = started
    return Tally(started=started, completed=started - failed, failed=failed, waits=waits)


class TestSummarizing:
    """`workload` and `minutes`."""

    async def test_what_is_due_and_runs_is_counted_by_queue_and_task(self, driver: Driver) -> None:
        empty = await driver.insight.workload(now=NOON)
        assert (empty.waiting, empty.running, empty.now) == ((), {}, NOON)
        await submit(
            driver,
            *(new(f"due {n}", queue="q", rank=n, due=at(-n)) for n in range(3)),
            new("in a lane", queue="q", limit_key="acme", due=at(-60)),
            new("also", queue="q", task="other", due=NOON),
            new("later", queue="q", due=at(1)),
            new("runs", queue="r"),
        )
        await claimed(driver, job_id="runs")
        load = await driver.insight.workload(now=NOON)
        found = {(one.queue, one.task_name): (one.count, one.exact, one.oldest) for one in load.waiting}
        assert found == {("q", "task"): (4, True, at(-60)), ("q", "other"): (1, True, NOON)}
        assert load.running == {("r", "task"): 1}

    async def test_figures_of_workers_add_up_minute_by_minute(self, driver: Driver) -> None:
        minutes = driver.minutes
        assert (await minutes.minutes(now=NOON)).rows == ()
        assert (await minutes.latest(now=NOON)).hour == {}
        await minutes.note("a", {MAIL: tally(3, 1, wait=2), BULK: tally(2)}, now=at(1))
        await minutes.note("a", {MAIL: tally(4, wait=2)}, now=at(59))
        await minutes.note("b", {MAIL: tally(1, wait=5)}, now=at(2))
        await minutes.note("b", {MAIL: tally(7, 7)}, now=at(60))
        found = await minutes.minutes(now=at(90))
        assert found.rows == (Minute(NOON, 10, 9, 1, 0, 0), Minute(at(60), 7, 0, 7, 0, 0))
        mail = await minutes.minutes(queue="post", task_name="mail", since=at(60), now=at(90))
        assert [(row.at, row.failed) for row in mail.rows] == [(at(60), 7)]
        assert (await minutes.minutes(queue="bulk", now=at(90))).rows == (Minute(NOON, 2, 2, 0, 0, 0),)
        hour = (await minutes.latest(now=at(90))).hour
        assert set(hour) == {MAIL, BULK}
        assert (hour[MAIL].started, hour[MAIL].failed) == (15, 8)
        assert (hour[MAIL].waits[2], hour[MAIL].waits[5], hour[MAIL].waits[0]) == (7, 1, 7)
        assert set((await minutes.latest(now=at(3660))).hour) == {MAIL}
        hour = (await minutes.latest(durations=1, now=at(90))).hour
        assert [(hour[work].started, sum(hour[work].waits)) for work in (MAIL, BULK)] == [(15, 15), (2, 0)]

    async def test_old_figures_are_deleted(self, driver: Driver) -> None:
        await driver.minutes.note("a", {MAIL: tally(1)}, now=NOON)
        later = NOON + KEPT + timedelta(minutes=1)
        await driver.minutes.note("b", {BULK: tally(1)}, now=later)
        assert [row.at for row in (await driver.minutes.minutes(since=at(-9), now=later)).rows] == [later]
