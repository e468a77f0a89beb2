"""Jobs that are named by what they have in common, in every style and every store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

from pg_scheduler import JobStatus, Queries, Scheduler, SyncQueries, SyncScheduler
from pg_scheduler.client import matching_jobs
from pg_scheduler.db import driver_over
from pg_scheduler.domain.audit import Actor
from pg_scheduler.domain.errors import InvalidInput
from pg_scheduler.domain.states import JobEvent
from pg_scheduler.ports.driver import Driver
from pg_scheduler.testing import MemoryDriver
from pg_scheduler.testing.contract.scene import at, claimed, new, settle, stored, submit
from pg_scheduler.testing.memory.jobs import MemoryJobs
from pg_scheduler.testing.memory.state import MemoryState
from tests.support.databases import give_back, new_database

pytestmark = pytest.mark.slow_with("psycopg")

ASYNC = ("Scheduler", "Queries of the scheduler", "Queries")
SYNC = ("SyncQueries", "SyncScheduler")


@dataclass
class Scene:
    """A store that no worker looks at, and one style to reach it by."""

    driver: Driver
    style: Any

    async def call(self, verb: str, *args: Any, **options: Any) -> Any:
        """What the style answers to a verb."""
        method = getattr(self.style, verb)
        if isinstance(self.style, SyncQueries | SyncScheduler):
            return await asyncio.to_thread(method, *args, **options)
        return await method(*args, **options)

    async def ids(self, **options: Any) -> list[str]:
        """Which jobs it finds."""
        return [record.job_id for record in await self.call("jobs", **options)]

    async def statuses(self) -> dict[str, str]:
        """What is left behind."""
        return {job.job_id: str(job.status) for job in await self.driver.insight.jobs()}


def _cases() -> list[object]:
    return [
        pytest.param((store, style), id=f"{store}-{style}")
        for store in ("memory", "asyncpg", "psycopg")
        for style in (ASYNC if store == "memory" else ASYNC + SYNC)
    ]


@pytest.fixture(params=_cases())
async def scene(request: pytest.FixtureRequest) -> AsyncIterator[Scene]:
    """Each style over each store."""
    store, style = request.param
    if store == "memory":
        async with Reached(MemoryDriver(), "", style) as made:
            yield made
        return
    server = request.getfixturevalue("server")
    dsn = await new_database(server)
    async with Reached(driver_over(dsn, library=store), dsn, style) as made:
        yield made
    await give_back(server, dsn)


class Reached:
    """Open on entering, closed on leaving."""

    def __init__(self, driver: Driver, dsn: str, style: str) -> None:
        self._scheduler = Scheduler(driver)
        self._driver = driver
        makers: dict[str, Callable[[], Any]] = {
            "Scheduler": lambda: self._scheduler,
            "Queries of the scheduler": lambda: Queries(self._scheduler),
            "Queries": lambda: Queries(driver),
            "SyncQueries": lambda: SyncQueries(dsn),
            "SyncScheduler": lambda: SyncScheduler(dsn),
        }
        self._style = makers[style]()

    async def __aenter__(self) -> Scene:
        await self._scheduler.initialize_db()
        await _fill(self._driver)
        return Scene(self._driver, self._style)

    async def __aexit__(self, *error: object) -> None:
        if isinstance(self._style, SyncQueries | SyncScheduler):
            self._style.close()
        await self._scheduler.shutdown(0)


async def _fill(driver: Driver) -> None:
    """Seven jobs, one second apart, of which the names say what they are."""
    for second, (job_id, task, error) in enumerate(
        [
            ("mail failed 1", "mail", "Timeout: 100% of it"),
            ("mail failed 2", "mail", "refused"),
            ("bill failed 3", "bill", "TIMEOUT: 100 of them"),
            ("mail done 4", "mail", ""),
            ("mail running 5", "mail", None),
        ]
    ):
        await submit(driver, new(job_id, task=task, due=at(second)))
        attempt = await claimed(driver, job_id=job_id, now=at(second))
        if error is not None:
            event = JobEvent.FAIL if error else JobEvent.COMPLETE
            assert await settle(driver, attempt, event, now=at(second), error_message=error or None)
    await submit(driver, new("mail pending 6", task="mail", due=at(6)))
    await submit(driver, new("bill pending 7", task="bill", due=at(7)))


async def test_jobs_are_found_newest_first(scene: Scene) -> None:
    assert await scene.ids(limit=3) == ["bill pending 7", "mail pending 6", "mail running 5"]
    assert len(await scene.ids()) == 7


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"status": "failed"}, ["bill failed 3", "mail failed 2", "mail failed 1"]),
        ({"status": [JobStatus.RUNNING, "completed"]}, ["mail running 5", "mail done 4"]),
        ({"task": "bill"}, ["bill pending 7", "bill failed 3"]),
        ({"since": at(6)}, ["bill pending 7", "mail pending 6"]),
        ({"error": "timeout"}, ["bill failed 3", "mail failed 1"]),
        ({"error": "100%"}, ["mail failed 1"]),
        ({"status": "failed", "task": "mail", "since": at(1), "error": "ref"}, ["mail failed 2"]),
        ({"status": None, "task": None, "since": at(7), "error": None}, ["bill pending 7"]),
    ],
    ids=str,
)
async def test_every_word_of_a_filter_narrows_it(scene: Scene, options: Any, found: list[str]) -> None:
    assert await scene.ids(**options) == found


async def test_what_matches_is_cancelled(scene: Scene) -> None:
    before = await scene.statuses()
    assert await scene.call("cancel", task="mail") == 2
    assert await scene.statuses() == {**before, "mail pending 6": "cancelled"}
    assert (await stored(scene.driver, "mail running 5")).cancel_requested


async def test_what_matches_and_has_ended_is_retried(scene: Scene) -> None:
    before = await scene.statuses()
    assert await scene.call("retry", error="timeout") == 2
    assert await scene.statuses() == {**before, "mail failed 1": "pending", "bill failed 3": "pending"}
    assert await scene.call("retry", error="timeout") == 0
    assert await scene.call("retry", task="mail", status=["failed", "running"]) == 1
    assert await scene.call("retry", task="mail") == 1  # the one that is done


async def test_ids_get_an_answer_each_as_ever(scene: Scene) -> None:
    assert await scene.call("retry", ["mail failed 1", "mail running 5", "x"]) == [
        "retried",
        "running",
        "unknown",
    ]
    assert await scene.call("cancel", ["mail failed 1", "mail failed 2"]) == ["cancelled", "finished"]
    assert await scene.call("cancel", "mail running 5") == ["requested"]


async def test_more_than_a_page_is_changed(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching_jobs, "PAGE", 2)
    assert await scene.call("retry", status="failed") == 3
    assert await scene.call("cancel", status=["pending", "running"]) == 6
    assert await scene.call("cancel", status="pending") == 0
    assert set((await scene.statuses()).values()) == {"cancelled", "completed", "running"}


@pytest.mark.parametrize("verb", ["cancel", "retry"])
async def test_nobody_means_every_job_by_accident(scene: Scene, verb: str) -> None:
    before = await scene.statuses()
    for nothing in ({}, {"status": None, "task": None}):
        with pytest.raises(InvalidInput, match=r"neither ids nor a filter.*status="):
            await scene.call(verb, **nothing)
    with pytest.raises(InvalidInput, match="Give one of them"):
        await scene.call(verb, ["mail pending 6"], status="pending")
    with pytest.raises(TypeError, match="unexpected keyword 'state'"):
        await scene.call(verb, state="pending")
    assert await scene.call(verb, []) == []
    assert await scene.statuses() == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"status": "fialed"}, "unknown status.*One of: pending"),
        ({"status": ["failed", "fialed"]}, "unknown status"),
        ({"status": []}, "names no status"),
        ({"status": 7}, "status"),
        ({"task": ""}, "task: must not be empty"),
        ({"since": datetime(2030, 1, 1)}, "since: .*no time zone"),  # noqa: DTZ001
        ({"error": ""}, "error: expected a text"),
        ({"error": 7}, "error: expected a text"),
        ({"error": "a\x00b"}, "error: holds a NUL"),
        ({"error": "a\ud800b"}, "error: holds a NUL or a lone surrogate"),
    ],
    ids=repr,
)
async def test_what_cannot_be_is_refused(options: Any, message: str) -> None:
    async with Reached(MemoryDriver(), "", "Scheduler") as scene:
        before = await scene.statuses()
        for verb in ("jobs", "cancel", "retry"):
            with pytest.raises(InvalidInput, match=message):
                await scene.call(verb, **options)
        assert await scene.statuses() == before


async def test_a_verb_that_its_states_do_not_know_is_refused() -> None:
    async with Reached(MemoryDriver(), "", "Scheduler") as scene:
        with pytest.raises(InvalidInput, match="these have ended"):
            await scene.call("cancel", status=["failed", "completed"])
        with pytest.raises(InvalidInput, match="these have not ended"):
            await scene.call("retry", status="pending")
        with pytest.raises(InvalidInput, match="connection: goes with ids only"):
            await scene.call("cancel", status="pending", connection=object())
        with pytest.raises(InvalidInput, match="limit"):
            await scene.call("jobs", limit=0)


class FailsAtOnce(MemoryJobs):
    """Whatever is reopened has failed by the next look. The jobs of these tests are due in 2030, reopened
    ones now: so each comes once more on a later page."""

    def __init__(self, state: MemoryState) -> None:
        super().__init__(state)
        self.reopened: list[str] = []

    async def override_status(
        self,
        job_id: str,
        status: JobStatus,
        *,
        now: datetime | None = None,
        stop_attempt: bool = True,
        by: Actor | None = None,
    ) -> JobStatus:
        self.reopened.append(job_id)
        before = await super().override_status(job_id, status, now=now)
        await super().override_status(job_id, JobStatus.FAILED, now=now)
        return before


async def test_a_job_that_fails_again_meanwhile_is_retried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching_jobs, "PAGE", 1)
    driver = MemoryDriver()
    async with Reached(driver, "", "Scheduler") as scene:
        failing = FailsAtOnce(driver.state)
        driver.jobs = failing
        assert await scene.call("retry", status="failed") == 3
        assert failing.reopened == ["bill failed 3", "mail failed 2", "mail failed 1"]


async def test_a_job_that_another_brought_to_another_end_is_left_alone() -> None:
    """Two people retry the same failed jobs, and one is a page ahead."""
    driver = MemoryDriver()
    async with Reached(driver, "", "Scheduler") as scene:
        reading = driver.insight.job

        async def completed_meanwhile(job_id: str, **options: Any) -> Any:
            if job_id == "mail failed 2":
                driver.state.jobs[job_id].status = JobStatus.COMPLETED
            return await reading(job_id, **options)

        driver.insight.job = completed_meanwhile  # type: ignore[method-assign]
        assert await scene.call("retry", status="failed") == 2
        assert (await scene.statuses())["mail failed 2"] == "completed"
