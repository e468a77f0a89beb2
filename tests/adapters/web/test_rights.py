"""Who may do what: every address with every right, and none that is not known here."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.requests import Request

from pg_scheduler import InvalidInput, Queries, Scheduler
from pg_scheduler_web import Access, Right, dashboard
from pg_scheduler_web.protection import form_token
from pg_scheduler_web.routes import ActRoute, routes_of
from tests.adapters.web.browsing import Browser

ROUTES: dict[tuple[str, str], Right] = {
    ("GET", "/"): Right.READ,
    ("GET", "/jobs"): Right.READ,
    ("GET", "/job"): Right.READ,
    ("GET", "/jobs/confirm"): Right.READ,
    ("GET", "/failures"): Right.READ,
    ("GET", "/queues"): Right.READ,
    ("GET", "/queue"): Right.READ,
    ("GET", "/tasks"): Right.READ,
    ("GET", "/task"): Right.READ,
    ("GET", "/schedules"): Right.READ,
    ("GET", "/schedule"): Right.READ,
    ("GET", "/workers"): Right.READ,
    ("GET", "/system"): Right.READ,
    ("GET", "/audit"): Right.READ,
    ("GET", "/live"): Right.READ,
    ("GET", "/static/style.css"): Right.READ,
    ("GET", "/static/page.js"): Right.READ,
    ("GET", "/static/icon.svg"): Right.READ,
    ("POST", "/jobs/retry"): Right.RETRY,
    ("POST", "/jobs/cancel"): Right.CANCEL,
    ("POST", "/jobs/reschedule"): Right.RETRY,
    ("POST", "/jobs/delete"): Right.DELETE,
    ("POST", "/queues/pause"): Right.PAUSE,
    ("POST", "/queues/resume"): Right.PAUSE,
    ("POST", "/queues/limit"): Right.LIMITS,
    ("POST", "/tasks/limit"): Right.LIMITS,
    ("POST", "/tasks/pause"): Right.PAUSE,
    ("POST", "/tasks/resume"): Right.PAUSE,
    ("POST", "/schedules/pause"): Right.SCHEDULES,
    ("POST", "/schedules/resume"): Right.SCHEDULES,
    ("POST", "/schedules/trigger"): Right.SCHEDULES,
    ("POST", "/schedules/backfill"): Right.SCHEDULES,
    ("POST", "/schedules/edit"): Right.SCHEDULES,
    ("POST", "/schedules/remove"): Right.SCHEDULES,
    ("POST", "/workers/quiet"): Right.WORKERS,
    ("POST", "/workers/resume"): Right.WORKERS,
    ("POST", "/workers/stop"): Right.WORKERS,
    ("POST", "/system/prune"): Right.RETENTION,
}
"""Every address, and the right that it takes besides reading."""


def test_every_address_is_known_here_with_its_right() -> None:
    assert {place: route.right for place, route in routes_of().items()} == ROUTES
    acts = {place for place, route in routes_of().items() if isinstance(route, ActRoute)}
    assert acts == {place for place in ROUTES if place[0] == "POST"}


async def _answered(browser: Browser, place: tuple[str, str], name: str) -> int:
    method, path = place
    if method == "GET":
        return (await browser.raw(path)).status_code
    browser.client.cookies.set("pg_scheduler_form", "s" * 43)
    return (await browser.post(path, [("token", form_token("s" * 43, name))])).status_code


@pytest.mark.parametrize("place", [place for place in ROUTES if place != ("GET", "/live")])
async def test_an_address_answers_with_its_right_and_no_other(
    scheduler: Scheduler, place: tuple[str, str]
) -> None:
    own = ROUTES[place]
    allowed = Browser.of(scheduler, Access("ada", {Right.READ, own}))
    assert await _answered(allowed, place, "ada") not in (401, 403)
    everything_else = Browser.of(scheduler, Access("ada", set(Right) - {own}))
    assert await _answered(everything_else, place, "ada") == 403
    blind = Browser.of(scheduler, Access("ada", set(Right) - {Right.READ}))
    assert await _answered(blind, place, "ada") == 403


@pytest.mark.parametrize("place", ROUTES)
async def test_nobody_whom_auth_does_not_know_gets_anything(
    scheduler: Scheduler, place: tuple[str, str]
) -> None:
    async def nobody(request: Request) -> None:
        return None

    browser = Browser(dashboard(scheduler, auth=nobody))
    assert await _answered(browser, place, "ada") == 403


async def test_who_may_not_read_learns_not_even_which_pages_there_are(scheduler: Scheduler) -> None:
    blind = Browser.of(scheduler, Access("ada", set(Right) - {Right.READ}))
    for path in ("/nothing", "/jobs/cancel"):
        assert (await blind.raw(path)).status_code == 403


async def test_an_auth_that_fails_or_says_something_else_lets_nobody_in(
    scheduler: Scheduler, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails(request: Request) -> Access:
        raise RuntimeError("no session store")

    async def talks(request: Request) -> Any:
        return True

    for auth in (fails, talks):
        answer = await Browser(dashboard(scheduler, auth=auth)).raw("/")
        assert (answer.status_code, "Overview" in answer.text) == (500, False)
    assert "no session store" in caplog.text


def test_a_dashboard_without_auth_is_not_made(scheduler: Scheduler) -> None:
    with pytest.raises(TypeError, match="auth"):
        dashboard(scheduler)  # type: ignore[call-arg]
    with pytest.raises(InvalidInput, match="auth"):
        dashboard(scheduler, auth=None)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="source"):
        dashboard("postgresql://x", auth=_never)  # type: ignore[arg-type]


async def _never(request: Request) -> None:
    return None


def test_the_presets_are_what_their_names_say() -> None:
    assert Access.read_only("ada").rights == {Right.READ}
    assert set(Right) - Access.operator("ada").rights == {Right.SEE_ARGS, Right.DELETE, Right.RETENTION}
    assert Access.admin("ada").rights == set(Right)
    with pytest.raises(InvalidInput):
        Access("", [])


async def test_arguments_are_shown_to_those_alone_who_may_see_them(scheduler: Scheduler) -> None:
    job = await scheduler.enqueue(
        "mail.send", "ada@example.org", token="hunter2", nested={"Api_Token": ["x9"]}
    )
    text = (await Browser.of(scheduler).raw("/job", id=job)).text
    assert "ada@example.org" in text
    assert "hunter2" not in text
    assert "x9" not in text
    operator = (await Browser.of(scheduler, Access.operator("ada")).raw("/job", id=job)).text
    assert "ada@example.org" not in operator
    listed = (await Browser.of(scheduler).raw("/jobs")).text
    assert "ada@example.org" not in listed


async def test_retention_is_run_where_the_policies_are_known(scheduler: Scheduler) -> None:
    assert "/system/prune" in (await Browser.of(scheduler).raw("/system")).text
    without = Browser.of(Queries(scheduler))
    assert "/system/prune" not in (await without.raw("/system")).text
