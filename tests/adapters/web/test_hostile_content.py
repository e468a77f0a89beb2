"""Names, errors and keys that are markup, quotes, slashes, marks, NUL: all of it is text."""

from __future__ import annotations

import pytest

from pg_scheduler import JobStatus, Scheduler
from pg_scheduler.domain.audit import Actor
from pg_scheduler.testing import MemoryDriver, drain
from pg_scheduler_web import Access
from pg_scheduler_web.routes import routes_of
from pg_scheduler_web.words import SHOWN_AT_MOST, harmless, json_shown
from tests.adapters.web.browsing import Browser, Seen

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "{{ 7*7 }}{% raw %}",
    "a/b.c%2Fd?e#f&g=h;i",
    "../../etc/passwd",
    ".",
    "..",
    "100%",
    "javascript:alert(1)",
    "\u202egnp.exe\u2066",
    "ﷺ" * 60,
    "name with spaces and 'both' \"quotes\"",
    "\\",
    "-->]]>",
]
SCRIPTS = {"script", "img", "iframe", "object", "embed", "base"}


def check(page: Seen) -> None:
    """Nothing of a page runs, or leads elsewhere."""
    scripts = [given for tag, given in page.tags if tag in SCRIPTS]
    assert len(scripts) == 1
    assert "/static/page.js" in (scripts[0]["src"] or "")
    for tag, given in page.tags:
        assert not [name for name in given if name.startswith("on") or name == "style"], (tag, given)
        for name in ("href", "src", "action", "formaction"):
            assert (given.get(name) or "/").startswith("/") or given[name] == "#main", (tag, given)
    assert not set("\u202e\u2066") & set(page.text)


@pytest.mark.parametrize("name", HOSTILE)
async def test_every_screen_shows_it_as_text(scheduler: Scheduler, name: str) -> None:
    async def fail(*given: object, **more: object) -> None:
        raise ValueError(name * 3)

    scheduler.register(fail, name=name)
    failed = await scheduler.using(queue=name, job_id=name, headers={name: name}).enqueue(fail)
    await drain(scheduler)
    await scheduler.using(queue=name, limit_key=name).enqueue(name, name, key=name)
    await scheduler.add_schedule(name, cron="0 6 * * *", args=[name], key=name, queue=name)
    client, actor = scheduler.client, Actor(name, name)
    await client.pause_queue(name, True, by=actor)
    await client.pause_task(name, True, by=actor)
    await client.limit_queue(name, 2, 0.5, by=actor)
    browser = Browser.of(scheduler, Access.admin(name))
    pages = {
        path: await browser.get(path)
        for path in ("/", "/jobs", "/queues", "/tasks", "/schedules", "/workers", "/system", "/audit")
    }
    pages |= {
        "job": await browser.get("/job", id=str(failed)),
        "queue": await browser.get("/queue", name=name),
        "task": await browser.get("/task", name=name),
        "schedule": await browser.get("/schedule", key=name),
        "search": await browser.get(
            "/jobs", q='task:"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
        ),
        "confirm": await browser.get("/jobs/confirm", act="retry", id=str(failed)),
        "missing": await browser.get("/job", code=404, id=name + "x"),
    }
    for page in pages.values():
        check(page)
    shown = " ".join(harmless(name).split())
    assert shown in pages["job"].text
    assert shown in pages["search"].text
    assert "No job matches" not in pages["search"].text
    followed = [link for page in pages.values() for link in page.links if "?" in link]
    for link in sorted(set(followed)):
        check(await browser.get(link))
    after = await browser.submit(pages["schedule"].form("/schedules/pause"))
    check(after)
    assert "paused" in after.text
    await browser.submit(pages["confirm"].form("/jobs/retry"))
    assert await scheduler.handle(str(failed)).status() is JobStatus.PENDING


async def test_what_cannot_be_sent_is_escaped() -> None:
    """The memory driver keeps what PostgreSQL refuses: NUL and lone surrogates."""
    driver = MemoryDriver()
    scheduler = Scheduler(driver)
    job = str(await scheduler.enqueue("mail.send"))
    broken = "\x00 \ud800 \x1b[31m"
    stored = driver.state.jobs[job]
    stored.status, stored.error_message = JobStatus.FAILED, broken
    page = await Browser.of(scheduler).get("/job", id=job)
    assert "\\x00 \\ud800 \\x1b[31m" in page.text
    assert "\\x00" in (await Browser.of(scheduler).get("/jobs")).text


@pytest.mark.parametrize("query", ["id=%00", "id=%ED%A0%80", "id=%FF", "id=" + "x" * 5000, "id=", ""])
async def test_ids_that_cannot_be_are_told_so(browser: Browser, query: str) -> None:
    assert (await browser.raw(f"/job?{query}")).status_code in (400, 404)


SCREENS = [path for method, path in routes_of() if method == "GET" and path != "/live"]


@pytest.mark.parametrize("path", SCREENS)
async def test_any_query_is_answered_in_words(browser: Browser, path: str) -> None:
    many = "&".join("a=1" for _ in range(3000))
    nul = "name=%00&key=%00&id=%00"
    for query in ("a=1", "%", "&&&==", nul, "after=x", "after=%00~", "status=nope", "q=x:y", many):
        answer = await browser.raw(f"{path}?{query}")
        assert answer.status_code in (200, 400, 404), f"{path}?{query[:99]}"


async def test_big_values_are_shortened(scheduler: Scheduler) -> None:
    job = await scheduler.enqueue("mail.send", "x" * 10_000_000, 2**64 + 1)
    answer = await Browser.of(scheduler).raw("/job", id=job)
    assert len(answer.text) < SHOWN_AT_MOST + 20_000
    assert "more characters" in answer.text


async def test_large_numbers_are_exact(scheduler: Scheduler) -> None:
    job = await scheduler.enqueue("mail.send", 2**64 + 1)
    assert str(2**64 + 1) in (await Browser.of(scheduler).get("/job", id=job)).text


def test_what_is_nested_too_deep_is_not_shown() -> None:
    deep = "[" * 100_000 + '{"token": "hunter2"}' + "]" * 100_000
    assert json_shown(deep, ["token"]) == "(200,020 characters of JSON that cannot be shown)"
    long = '{"token": "hunter2", "n": ' + "1" * 5000 + "}"
    assert json_shown(long, ["token"]) == "(5,027 characters of JSON that cannot be shown)"
