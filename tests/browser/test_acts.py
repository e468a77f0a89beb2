"""Every act by its form, with scripts and without."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from pg_scheduler import Scheduler
from tests.browser.conftest import Tab
from tests.browser.site import Site, pages_of


@pytest.fixture(params=[True, False], ids=["scripts", "no scripts"])
def page(request: pytest.FixtureRequest, tab: Tab) -> Page:
    opened: Page = tab(java_script_enabled=request.param)
    return opened


def _go(site: Site, page: Page) -> Callable[[str], None]:
    def go(path: str) -> None:
        page.goto(site.url + path)

    return go


def test_a_job_is_cancelled_and_retried(site: Site, page: Page) -> None:
    _go(site, page)(pages_of(site)["job-waiting"])
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("1 job cancelled").wait_for()
    page.get_by_role("button", name="Retry").click()
    page.get_by_text("1 job will run again").wait_for()


def test_ticked_jobs_are_changed_after_a_question(site: Site, page: Page) -> None:
    _go(site, page)("/jobs?status=pending&q=task:images.resize")
    for box in page.locator("tbody input[type=checkbox]").all()[:3]:
        box.check()
    page.get_by_role("button", name="Cancel ticked").click()
    page.get_by_role("heading", name="Cancel: 3 jobs?").wait_for()
    page.get_by_role("button", name="Cancel: 3 jobs").click()
    page.get_by_text("3 jobs cancelled").wait_for()


def test_all_that_match_are_changed_after_a_question(site: Site, page: Page) -> None:
    async def cancel(scheduler: Scheduler) -> None:
        for job in await scheduler.jobs(status="pending", task="images.resize", limit=2):
            await scheduler.cancel_job(job.job_id)

    site.call(cancel)
    _go(site, page)("/jobs?status=cancelled&q=task:images.resize")
    page.get_by_role("link", name="Retry all that match").click()
    page.get_by_role("button", name="Retry").click()
    page.get_by_text("will run again").wait_for()


def test_queues_tasks_schedules_and_workers(site: Site, page: Page) -> None:
    go = _go(site, page)
    for path, act, undo in (
        ("/queue?name=mail", "Pause", "Resume"),
        ("/task?name=mail.send", "Pause", "Resume"),
        ("/schedule?key=hourly-digest", "Pause", "Resume"),
    ):
        go(path)
        page.locator(".head").get_by_role("button", name=act).click()
        page.locator(".note").wait_for()
        page.locator(".note").get_by_role("button", name=undo).click()
        page.locator(".note").wait_for()
    go("/queue?name=mail")
    page.get_by_label("At once").fill("7")
    page.get_by_role("button", name="Set limits").click()
    page.get_by_text("has at most 7 at once").wait_for()
    page.get_by_label("At once").fill("")
    page.get_by_role("button", name="Set limits").click()
    page.get_by_text("has no limits now").wait_for()
    go("/schedule?key=hourly-digest")
    page.get_by_role("button", name="Run now").click()
    page.get_by_text("runs now").wait_for()
    go("/workers")
    page.get_by_role("button", name="Quiet").first.click()
    page.locator(".note").get_by_text("claims no more").wait_for()
    page.locator(".note").get_by_role("button", name="Resume").click()
    page.locator(".note").get_by_text("claims again").wait_for()
    go("/system")
    page.get_by_role("button", name="Delete now").click()
    page.locator(".note").wait_for()


def test_a_search_is_a_link_that_can_be_shared(site: Site, page: Page) -> None:
    _go(site, page)("/jobs")
    page.get_by_role("searchbox").fill('task:mail.send error:"did not answer"')
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="failed").first.click()
    assert page.locator("tbody tr").count() == 1
    page.goto(page.url)
    assert page.locator("tbody tr").count() == 1
    page.get_by_role("link", name="Remove error:").click()
    assert "error" not in page.url
