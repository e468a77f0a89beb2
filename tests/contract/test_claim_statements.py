"""A claim in SQL is one of two statements, or both: the answers are those of one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest

from pg_scheduler.client.source import Library
from pg_scheduler.db import driver_over
from pg_scheduler.ports.claims import ClaimAnswer, ClaimRequest
from pg_scheduler.ports.driver import Driver
from pg_scheduler.testing.contract.scene import LEASE, NOON, OWNER, at, new, submit
from pg_scheduler_postgres.link import Link


@pytest.fixture
async def driver(dsn: str, library: Library) -> AsyncIterator[Driver]:
    driver = driver_over(dsn, library=library)
    await driver.open()
    await driver.schema.install()
    yield driver
    await driver.close()


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the statements that were run."""
    names: list[str] = []
    run = Link.run

    async def noted(self: Link, name: str, *args: Any, **values: Any) -> Any:
        names.append(name)
        return await run(self, name, *args, **values)

    monkeypatch.setattr(Link, "run", noted)
    return names


async def claim(driver: Driver, limit: int = 100, now: datetime = NOON) -> ClaimAnswer:
    return await driver.jobs.claim(ClaimRequest(OWNER, ("task", "other"), limit, LEASE), now=now)


def ids(answer: ClaimAnswer) -> list[str]:
    return [job.job_id for job in answer.jobs]


async def test_streams_of_ranks_of_their_own_are_claimed_by_the_short_statement(
    driver: Driver, sent: list[str]
) -> None:
    await submit(
        driver, new("c", rank=5, due=at(-9)), new("b", rank=3, due=at(-1)), new("a", task="other", rank=1)
    )
    sent.clear()
    assert ids(await claim(driver)) == ["a", "b", "c"]
    assert sent == ["claim_by_rank"]


async def test_jobs_of_streams_that_share_a_rank_come_in_order_whatever_is_asked_first(
    driver: Driver, sent: list[str]
) -> None:
    await submit(
        driver,
        new("first", rank=1),
        *(
            new(f"{number}", task="task" if number % 2 else "other", rank=5, due=at(-9 + number))
            for number in range(6)
        ),
        new("last", rank=8, due=at(-99)),
    )
    sent.clear()
    assert ids(await claim(driver, limit=4)) == ["first", "0", "1", "2"]
    assert sent == ["claim_by_rank", "claim"], "the short one takes nothing where it cannot compare"
    sent.clear()
    assert ids(await claim(driver)) == ["3", "4", "5", "last"]
    assert sent == ["claim"], "what the last claim found is expected again"
    await submit(driver, new("one more"))
    sent.clear()
    await claim(driver)
    await claim(driver)
    assert sent == ["claim", "claim_by_rank"], "until it is found no more"


async def test_what_is_late_and_what_is_to_come_is_told_whatever_is_asked_first(driver: Driver) -> None:
    late: dict[str, Any] = {"misfire_grace_seconds": 5, "due": at(-60)}
    await submit(
        driver,
        new("late first", rank=1, **late),
        new("late second", **late),
        new("x"),
        new("y", task="other"),
        new("to come", due=at(7)),
    )
    answer = await claim(driver)
    assert (ids(answer), sorted(answer.expired)) == (["x", "y"], ["late first", "late second"])
    assert answer.next_due_in is not None
    assert answer.next_due_in.total_seconds() == 7
