"""Other sites' pages, and what an answer lets a browser do."""

from __future__ import annotations

import re

import pytest

from pg_scheduler import JobStatus, Scheduler
from pg_scheduler_web import Access
from pg_scheduler_web.routes import routes_of
from tests.adapters.web.browsing import Browser

FORM = {"content-type": "application/x-www-form-urlencoded"}
OWN = {"origin": "http://jobs.test", "sec-fetch-site": "same-origin"}


async def _cancelling(scheduler: Scheduler, browser: Browser) -> tuple[str, list[tuple[str, str]]]:
    job = await scheduler.enqueue("mail.send", "ada")
    form = (await browser.get("/job", id=job)).form("/jobs/cancel")
    return job, form.fields


@pytest.mark.parametrize(
    "headers",
    [
        {**OWN, "origin": "http://elsewhere.test", "sec-fetch-site": "cross-site"},
        {**OWN, "sec-fetch-site": "same-site"},
        {**OWN, "sec-fetch-site": "none"},
        {**OWN, "origin": "null"},
        {"origin": "http://elsewhere.test"},
        {"origin": "null"},
        {"origin": "http://jobs.test.elsewhere.test"},
        {},
    ],
    ids=lambda headers: "+".join(headers.values()) or "nothing",
)
async def test_a_form_of_another_site_changes_nothing(
    scheduler: Scheduler, browser: Browser, headers: dict[str, str]
) -> None:
    job, fields = await _cancelling(scheduler, browser)
    answer = await browser.post("/jobs/cancel", fields, {**FORM, **headers})
    assert answer.status_code == 403
    assert await scheduler.handle(job).status() is JobStatus.PENDING


@pytest.mark.parametrize("headers", [OWN, {"origin": "http://jobs.test"}, {"sec-fetch-site": "same-origin"}])
async def test_the_own_form_is_taken(scheduler: Scheduler, browser: Browser, headers: dict[str, str]) -> None:
    """The control; browsers of several ages."""
    job, fields = await _cancelling(scheduler, browser)
    answer = await browser.post("/jobs/cancel", fields, {**FORM, **headers})
    assert answer.status_code == 303
    assert await scheduler.handle(job).status() is JobStatus.CANCELLED


@pytest.mark.parametrize("given", ["", "x" * 64, "\udcff", "of another"])
async def test_a_form_with_another_token_is_not_taken(
    scheduler: Scheduler, browser: Browser, given: str
) -> None:
    job, fields = await _cancelling(scheduler, browser)
    if given == "of another":
        _, of_grace = await _cancelling(scheduler, Browser.of(scheduler, Access.admin("grace")))
        given = dict(of_grace)["token"]
    others = [(name, value) for name, value in fields if name != "token"]
    content = [*others, ("token", given.encode(errors="surrogateescape").decode("latin-1"))]
    assert (await browser.post("/jobs/cancel", content)).status_code == 403
    assert await scheduler.handle(job).status() is JobStatus.PENDING


async def test_a_token_is_of_one_visitor_of_a_browser(scheduler: Scheduler, browser: Browser) -> None:
    _, fields = await _cancelling(scheduler, browser)
    grace = Browser.of(scheduler, Access.admin("grace"))
    grace.client.cookies = browser.client.cookies
    assert (await grace.post("/jobs/cancel", fields)).status_code == 403


async def test_a_token_is_of_one_browser(scheduler: Scheduler, browser: Browser) -> None:
    _, fields = await _cancelling(scheduler, browser)
    other = Browser.of(scheduler)
    await other.get("/jobs")
    assert (await other.post("/jobs/cancel", fields)).status_code == 403


@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", "text/plain", "application/json", ""])
async def test_only_a_plain_form_is_read(scheduler: Scheduler, browser: Browser, kind: str) -> None:
    _, fields = await _cancelling(scheduler, browser)
    assert (await browser.post("/jobs/cancel", fields, {**OWN, "content-type": kind})).status_code == 400


async def test_a_form_of_megabytes_is_refused(scheduler: Scheduler, browser: Browser) -> None:
    _, fields = await _cancelling(scheduler, browser)
    assert (await browser.post("/jobs/cancel", [*fields, ("x", "x" * 2**20)])).status_code == 400


async def test_acts_are_not_done_by_links(browser: Browser) -> None:
    for method, path in routes_of():
        if method == "POST":
            answer = await browser.raw(path)
            assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("path", ["/", "/jobs", "/nope", "/job?id=nope", "/jobs?q=what", "/static/page.js"])
async def test_every_answer_carries_what_protects_it(browser: Browser, path: str) -> None:
    headers = (await browser.raw(path)).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "same-origin")
    assert headers["cache-control"] == (
        "no-store" if "static" not in path else "private, max-age=31536000, immutable"
    )


async def test_cookies_are_for_this_page_alone(scheduler: Scheduler) -> None:
    browser = Browser(Browser.of(scheduler).client._transport.app, root_path="/jobs")  # type: ignore[attr-defined]
    (cookie,) = (await browser.raw("/jobs/")).headers.get_list("set-cookie")
    assert re.search(r"; HttpOnly; Path=/jobs; SameSite=strict$", cookie)


async def test_a_form_leads_back_to_no_other_site(scheduler: Scheduler, browser: Browser) -> None:
    for back in ("//elsewhere.test", "/\\elsewhere.test", "https://elsewhere.test", "\t//elsewhere.test"):
        _, fields = await _cancelling(scheduler, browser)
        changed = [(name, back if name == "back" else value) for name, value in fields]
        answer = await browser.post("/jobs/cancel", changed)
        assert answer.headers["location"] == "/jobs"
