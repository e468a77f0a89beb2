"""A database that is away, slow, or without tables; a region that fails alone; a page behind a prefix."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Mount

from pg_scheduler import Scheduler
from pg_scheduler.domain.errors import ConnectionLost, DatabaseError, ReadOnlyServer, TransientDatabaseError
from pg_scheduler.testing import MemoryDriver
from pg_scheduler.testing.memory.insight import MemoryInsight
from pg_scheduler_web import Access, dashboard, routes
from pg_scheduler_web.screens import queues
from tests.adapters.web.browsing import Browser


class _Failing(MemoryInsight):
    """Views that fail."""

    def __init__(self, driver: MemoryDriver, fail: Callable[[], Awaitable[Any]]) -> None:
        super().__init__(driver.state)
        for name in ("workers", "facts_about", "job", "workload", "page", "cluster_facts"):
            setattr(self, name, lambda *given, **more: fail())


def _failing(error: Exception | None) -> Browser:
    driver = MemoryDriver()

    async def fail() -> None:
        if error is None:
            await asyncio.Event().wait()
        else:
            raise error

    driver.insight = _Failing(driver, fail)
    return Browser.of(Scheduler(driver))


@pytest.mark.parametrize("path", ["/", "/jobs", "/job?id=x", "/queues", "/tasks", "/workers"])
@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (ConnectionLost("connection refused postgresql://ada:hunter2@db/x"), 503, "cannot be reached"),
        (TransientDatabaseError("canceling statement", "57014"), 200, "longer than 3 seconds"),
        (DatabaseError('relation "scheduled_jobs" does not exist', "42P01"), 200, "pgq db install"),
        (DatabaseError('column "likes" does not exist', "42703"), 200, "not of this version"),
        (ReadOnlyServer("cannot execute SELECT FOR UPDATE", "25006"), 200, "only lets itself be read"),
        (DatabaseError("permission denied for table scheduled_jobs", "42501"), 200, "may not do that"),
    ],
    ids=["away", "slow", "no tables", "older tables", "read-only", "no right"],
)
async def test_trouble_is_told_in_words_and_the_page_stands(
    path: str, error: Exception, status: int, words: str
) -> None:
    browser = _failing(error)
    page = await browser.get(path, code=status)
    assert words in page.text
    assert "hunter2" not in page.text
    assert "Schedules" in page.text, "the navigation is there"


@pytest.mark.parametrize(
    "error",
    [
        DatabaseError("permission denied for table scheduled_jobs", "42501"),
        ReadOnlyServer("cannot execute SELECT FOR UPDATE in a read-only transaction", "25006"),
    ],
    ids=["reader", "standby"],
)
async def test_a_job_is_shown_where_nobody_may_try_whether_its_row_is_free(error: Exception) -> None:
    driver = MemoryDriver()
    scheduler = Scheduler(driver)
    job = str(await scheduler.enqueue("mail.send", "ada"))

    async def refuse(*given: Any, **more: Any) -> None:
        raise error

    driver.insight.facts_about = refuse  # type: ignore[method-assign]
    page = await Browser.of(scheduler).get("/job", id=job)
    assert ("mail.send" in page.text, "does not allow" in page.text) == (True, True)


async def test_a_database_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    impatient = [replace(region, patience=0.01) for region in queues.QUEUES.regions]
    monkeypatch.setattr(routes, "SCREENS", [replace(queues.QUEUES, regions=tuple(impatient))])
    page = await _failing(None).get("/queues")
    assert "did not answer in time" in page.text


async def test_an_act_that_fails_says_so_on_the_page_after_it(scheduler: Scheduler, browser: Browser) -> None:
    await scheduler.enqueue("mail.send", "ada")
    form = (await browser.get("/queues")).form("/queues/pause")

    async def away(*given: Any, **more: Any) -> bool:
        raise ConnectionLost("connection refused")

    scheduler.driver.limits.pause_queue = away  # type: ignore[method-assign]
    assert "Nothing is known to have changed" in (await browser.submit(form)).text


async def test_a_page_with_a_mistake_in_it_is_an_error_without_details(
    scheduler: Scheduler, browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*given: Any, **more: Any) -> Any:
        raise RuntimeError("a secret of the server")

    scheduler.driver.insight.workers = broken  # type: ignore[method-assign]
    page = await browser.get("/workers", code=500)
    assert "a secret of the server" not in page.text
    assert "a secret of the server" in caplog.text


async def _admin(request: Request) -> Access:
    return Access.admin("ada")


async def test_it_is_mounted_anywhere_and_every_link_stays_below(scheduler: Scheduler) -> None:
    job = str(await scheduler.using(job_id="a/b?c").enqueue("mail.send", "ada"))
    app = Starlette(routes=[Mount("/ops/jobs", dashboard(scheduler, auth=_admin))])
    for browser, prefix in ((Browser(app), "/ops/jobs"), (Browser(app, root_path="/shop"), "/shop/ops/jobs")):
        pages = [await browser.get(f"{prefix}{path}") for path in ("/", "/jobs", "/queues", "/system")]
        pages.append(await browser.get(f"{prefix}/job", id=job))
        for page in pages:
            for tag, given in page.tags:
                for name in ("href", "src", "action"):
                    assert given.get(name, "#main") == "#main" or str(given[name]).startswith(prefix + "/"), (
                        tag,
                        given,
                    )
        page = await browser.submit(
            pages[-1].form("/jobs/cancel" if prefix == "/ops/jobs" else "/jobs/retry")
        )
        assert "job" in page.text
    assert (await Browser(app).raw("/ops/jobs//jobs/")).status_code == 200


async def test_it_answers_the_lifespan_and_closes_websockets(scheduler: Scheduler) -> None:
    app, sent = dashboard(scheduler, auth=_admin), []

    async def send(message: Any) -> None:
        sent.append(message["type"])

    messages = iter(["lifespan.startup", "lifespan.shutdown"])

    async def receive() -> Any:
        return {"type": next(messages)}

    await app({"type": "lifespan"}, receive, send)
    await app({"type": "websocket", "path": "/live"}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete", "websocket.close"]
