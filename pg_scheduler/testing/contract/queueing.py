"""Queues: what a worker serves, and in which order."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from itertools import product

from pg_scheduler.domain.limits import TaskLimits
from pg_scheduler.domain.states import JobEvent
from pg_scheduler.ports.driver import Driver
from pg_scheduler.testing.contract.scene import REPLACE, at, claim, claim_request, new, settle, stored, submit


def ids(jobs: Collection[object]) -> list[str]:
    return [job.job_id for job in jobs]  # type: ignore[attr-defined]


async def claim_lanes(
    driver: Driver, queues: Collection[str] | None, names: Collection[str] = ("task",), limit: int = 100
) -> list[str]:
    """The jobs that lanes give."""
    request = claim_request(names=names, limit=limit, queues=queues)
    return ids((await driver.jobs.claim_lanes(request, now=at(0))).jobs)


class TestQueueing:
    """Which jobs `claim` and `claim_lanes` take."""

    async def test_a_job_waits_in_the_queue_that_it_was_given(self, driver: Driver) -> None:
        await submit(driver, new("job", queue="mail"), new("plain"))
        (job,) = (await claim(driver, queues=["mail"])).jobs
        assert (job.job_id, job.queue) == ("job", "mail")
        assert (await stored(driver, "job")).queue == "mail"
        assert (await stored(driver, "plain")).queue == "default"

    async def test_a_worker_takes_the_jobs_of_queues_that_it_serves(self, driver: Driver) -> None:
        async def taken(served: Collection[str] | None) -> list[str]:
            queues = {"a": "alpha", "b": "beta", "c": "gamma", "d": "delta"}
            await submit(
                driver, *(new(name, queue=queue) for name, queue in queues.items()), conflict=REPLACE
            )
            found = (await claim(driver, queues=served)).jobs
            for job in found:
                await settle(driver, job, JobEvent.RELEASE)
            return ids(found)

        assert await taken(["alpha"]) == ["a"]
        assert await taken(["gamma", "alpha"]) == ["a", "c"]
        assert await taken(["delta", "beta"]) == ["b", "d"]
        assert await taken(["default"]) == []
        assert await taken(["beta", "nobody knows", "zeta"]) == ["b"]
        assert await taken(None) == ["a", "b", "c", "d"]

    async def test_of_a_queue_only_known_names_are_taken(self, driver: Driver) -> None:
        await submit(
            driver,
            *(new(f"{queue} {name}", queue=queue, task=name) for queue, name in product("ab", "kmz")),
        )
        assert ids((await claim(driver, queues=["b"], names=["a", "m", "z"])).jobs) == ["b m", "b z"]
        assert ids((await claim(driver, names=["k", "z"])).jobs) == ["a k", "a z", "b k"]

    async def test_the_order_across_queues_and_tasks_is_rank_time_id(self, driver: Driver) -> None:
        jobs = [
            new(f"{queue}{task}{rank}{second}", queue=queue, task=task, rank=rank, due=at(-second))
            for queue, task, rank, second in product(("x", "y", "z"), ("t", "u"), (1, 5), (3, 7, 9))
        ]
        await submit(driver, *jobs)
        in_order = sorted(
            (job for job in jobs if job.queue != "y"),
            key=lambda job: (job.rank, job.execution_time, job.job_id),
        )
        taken: list[str] = []
        for limit in (1, 2, 5, 3, 4, 100):
            found = (await claim(driver, names=["t", "u"], queues=["z", "x"], limit=limit)).jobs
            taken += ids(found)
        assert taken == ids(in_order)

    async def test_one_task_may_have_all_that_is_urgent(self, driver: Driver) -> None:
        """However far one stream has to be read, the order is right."""
        await submit(
            driver,
            *(new(f"many {n:03}", task="many", due=at(-1000 + n)) for n in range(60)),
            *(new(f"other {n:03}", task=f"other {n % 7}", due=at(-930 + n)) for n in range(30)),
        )
        names = ["many", *(f"other {n}" for n in range(7))]
        taken = ids((await claim(driver, names=names, limit=70)).jobs)
        assert taken == [f"many {n:03}" for n in range(60)] + [f"other {n:03}" for n in range(10)]

    async def test_the_wait_is_until_the_next_job_of_a_queue_that_is_served(self, driver: Driver) -> None:
        await submit(driver, new("soon", queue="other", due=at(5)), new("later", queue="mine", due=at(50)))
        assert (await claim(driver, queues=["mine"])).next_due_in == timedelta(seconds=50)
        assert (await claim(driver, queues=["nothing here"])).next_due_in is None

    async def test_lanes_give_the_jobs_of_queues_that_are_served(self, driver: Driver) -> None:
        await driver.limits.set_limits({"task": TaskLimits(9)}, now=at(0))
        await submit(driver, *(new(f"{queue}{n}", queue=queue) for queue, n in product("abc", (1, 2))))
        assert await claim_lanes(driver, ["b"], limit=1) == ["b1"]
        assert await claim_lanes(driver, ["c", "a"], limit=3) == ["a1", "a2", "c1"]
        assert await claim_lanes(driver, ["d"]) == []
        assert await claim_lanes(driver, None) == ["b2", "c2"]

    async def test_the_limit_of_a_task_holds_across_queues(self, driver: Driver) -> None:
        await driver.limits.set_limits({"task": TaskLimits(2)}, now=at(0))
        await submit(driver, *(new(f"{n}", queue=f"queue {n % 3}") for n in range(6)))
        assert await claim_lanes(driver, ["queue 2"]) == ["2", "5"]
        assert await claim_lanes(driver, None) == []

    async def test_the_order_within_a_lane_is_that_of_all_its_queues(self, driver: Driver) -> None:
        await driver.limits.set_limits({"task": TaskLimits(3)}, now=at(0))
        await submit(driver, *(new(f"{n}", queue=f"queue {n % 2}", due=at(-9 + n)) for n in range(6)))
        assert await claim_lanes(driver, None) == ["0", "1", "2"]

    async def test_jobs_of_other_queues_outrank_nothing_in_lanes(self, driver: Driver) -> None:
        await driver.limits.set_limits({"limited": TaskLimits(3)}, now=at(0))
        await submit(driver, new("foreign", queue="foreign", rank=0), new("plain", rank=1))
        await submit(driver, *(new(f"limited {n}", task="limited") for n in range(2)))
        names = ("task", "limited")
        assert await claim_lanes(driver, ["default"], names, limit=2) == ["limited 0"]
