"""Pages that renew themselves, and keys."""

from __future__ import annotations

from playwright.sync_api import Page

from pg_scheduler import Scheduler
from pg_scheduler_web import live
from tests.browser.conftest import Tab
from tests.browser.site import Site

NO_STREAM = """
window.EventSource = class extends EventTarget {
  constructor() {
    super();
    this.readyState = 2;
    setTimeout(() => this.dispatchEvent(new Event("error")), 1);
  }
  close() {}
};
window.EventSource.CLOSED = 2;
const usual = setInterval;
window.setInterval = (call) => usual(call, 50);
"""
"""A browser to which the stream does not come through, and that does not wait long for the next look."""


def _pause(site: Site, queue: str, paused: bool = True) -> None:
    async def pause(scheduler: Scheduler) -> None:
        await scheduler.client.pause_queue(queue, paused)

    site.call(pause)


def _row(page: Page, name: str, text: str) -> None:
    page.locator(f'tr[data-key="{name}"]', has_text=text).wait_for()


def test_two_tabs_see_what_is_changed_elsewhere(site: Site, tab: Tab) -> None:
    first = tab()
    second = tab(beside=first)
    for page in (first, second):
        page.goto(site.url + "/queues")
        _row(page, "reports", "active")
    _pause(site, "reports")
    _row(second, "reports", "paused")
    first.bring_to_front()
    _row(first, "reports", "paused")
    _pause(site, "reports", False)
    _row(first, "reports", "active")


def test_focus_ticks_typed_text_and_open_details_survive(site: Site, tab: Tab) -> None:
    page = tab()
    page.goto(site.url + "/jobs?status=pending")
    box = page.locator("tbody input[type=checkbox]").nth(1)
    box.check()
    key = page.locator("tbody tr").nth(1).get_attribute("data-key")
    page.get_by_text("Words").click()
    search = page.get_by_role("searchbox")
    search.fill("task:half-typed")
    search.evaluate("(box) => box.setSelectionRange(3, 7)")

    async def enqueue(scheduler: Scheduler) -> str:
        later = scheduler.using(queue="reports", delay=3000)
        return str(await later.enqueue("mail.send", "new@example.org"))

    job = site.call(enqueue)
    page.locator(f'tr[data-key="{job}"]').wait_for()
    assert page.locator(f'tr[data-key="{key}"] input').is_checked()
    assert page.locator("details.help-words").get_attribute("open") is not None
    assert search.input_value() == "task:half-typed"
    assert page.evaluate("document.activeElement.id") == "q"
    assert page.evaluate("[document.activeElement.selectionStart, document.activeElement.selectionEnd]") == [
        3,
        7,
    ]


def test_without_the_stream_it_looks_now_and_then(site: Site, tab: Tab) -> None:
    page = tab()
    page.add_init_script(NO_STREAM)
    page.goto(site.url + "/queues")
    _row(page, "mail", "active")
    _pause(site, "mail")
    _row(page, "mail", "paused")
    _pause(site, "mail", False)


def test_a_hidden_tab_asks_for_nothing(site: Site, tab: Tab) -> None:
    page = tab()
    _pause(site, "billing")
    page.goto(site.url + "/queues")
    page.locator("[data-live-state]:not(.off)").wait_for()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate(
        "Object.defineProperty(document, 'hidden', {value: true, configurable: true});"
        "document.dispatchEvent(new Event('visibilitychange'))"
    )
    _pause(site, "billing", False)
    page.wait_for_timeout((live.DEBOUNCE + live.LOOK) * 1000 + 500)
    assert asked == []
    page.evaluate(
        "Object.defineProperty(document, 'hidden', {value: false, configurable: true});"
        "document.dispatchEvent(new Event('visibilitychange'))"
    )
    _row(page, "billing", "active")


def test_who_is_not_let_in_any_more_sees_no_more(site: Site, tab: Tab) -> None:
    from pg_scheduler_web import Access

    page = tab(expected=403)
    page.goto(site.url + "/queues")
    page.locator("[data-live-state]:not(.off)").wait_for()
    rights, site.rights = site.rights, Access("ada", [])
    try:
        with page.expect_response(lambda answer: answer.status == 403):
            _pause(site, "crm")
        page.locator("[data-live-state].off").wait_for()
    finally:
        site.rights = rights
        _pause(site, "crm", False)


def test_the_keyboard_alone_is_enough(site: Site, tab: Tab) -> None:
    page = tab()
    page.goto(site.url + "/jobs")
    keys = page.keyboard
    keys.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    keys.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    keys.press("/")
    assert page.evaluate("document.activeElement.id") == "q"
    keys.type("task:mail.send")
    keys.press("Enter")
    page.wait_for_url("**q=task%3Amail.send**")
    for key in "jjk":
        keys.press(key)
    first = page.locator("tbody tr").first
    assert "at" in (first.get_attribute("class") or "")
    keys.press("x")
    assert first.locator("input").is_checked()
    keys.press("?")
    page.get_by_role("dialog").wait_for()
    keys.press("j")
    keys.press("Escape")
    assert not page.get_by_role("dialog").is_visible()
    keys.press("Enter")
    page.wait_for_url("**/job?id=**")


def test_hostile_names_are_text_in_a_browser_too(site: Site, tab: Tab) -> None:
    hostile = "</script><img src=x onerror=alert(1)>'\"\u202e/../%2F?#&{{7*7}}"

    async def store(scheduler: Scheduler) -> None:
        await scheduler.using(queue=hostile, job_id=hostile).enqueue(hostile, hostile)
        await scheduler.add_schedule(hostile, cron="0 6 * * *", key=hostile)

    site.call(store)
    page = tab()
    shown = hostile.replace("\u202e", "\\u202e")
    for path in ("/jobs", "/queues", "/tasks", "/schedules"):
        page.goto(site.url + path)
        link = page.get_by_role("link", name=shown, exact=True).first
        link.click()
        assert shown in page.locator("main").inner_text()
        assert page.locator("img").count() == 0
    page.goto(site.url + "/jobs")
    page.get_by_role("link", name=shown, exact=True).first.click()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("1 job cancelled").wait_for()
