"""Every screen in Chromium: nothing is blocked or complained about, all is accessible and fits the window."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.browser import programs
from tests.browser.conftest import Tab
from tests.browser.site import Site, pages_of

LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "narrow": {"viewport": {"width": 390, "height": 844}, "has_touch": True},
    "without scripts": {"java_script_enabled": False},
}
SERIOUS = ("serious", "critical")


def _axe_findings(page: Any) -> list[str]:
    rules = programs.axe()
    if rules is None:
        pytest.skip("axe-core is not fetched: `make browser` does")
    page.evaluate(rules)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{one['id']}: {node['html'][:120]}"
        for one in found["violations"]
        if one["impact"] in SERIOUS
        for node in one["nodes"]
    ]


@pytest.mark.parametrize("look", LOOKS)
def test_every_screen(site: Site, tab: Tab, look: str) -> None:
    page = tab(**LOOKS[look])
    findings = {}
    for name, path in pages_of(site).items():
        page.goto(site.url + path)
        assert page.locator("h1").count() == 1, name
        assert page.locator("nav a[aria-current=page]").count() == (0 if name == "missing" else 1), name
        if look != "without scripts":
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is too wide"
            if found := _axe_findings(page):
                findings[name] = found
    assert findings == {}


@pytest.mark.slow
def test_some_screens_in_short(site: Site, tab: Tab) -> None:
    """What `make slow` runs of all this: pages load, renew themselves, and their forms work."""
    page = tab()
    for path in ("/", "/jobs", "/queues"):
        page.goto(site.url + path)
        assert page.locator("h1").count() == 1
    page.locator("tr", has_text="billing").get_by_role("button", name="Pause").click()
    page.get_by_text("The queue billing is paused").wait_for()
    page.get_by_role("button", name="Resume").first.click()
    page.get_by_text("is resumed").wait_for()
    page.locator("[data-live-state]:not(.off)").wait_for()


def test_times_are_local_and_say_utc_on_hover(site: Site, tab: Tab) -> None:
    page = tab()
    page.goto(site.url + pages_of(site)["job-failed"])
    time = page.locator(".facts time").first
    hour_shown, hour_utc = (time.inner_text().split(", ")[1][:2], (time.get_attribute("title") or "")[11:13])
    assert (int(hour_shown) - int(hour_utc)) % 24 in (1, 2)
    assert (time.get_attribute("title") or "").endswith("UTC")


def test_nothing_moves_for_those_who_want_it_still(site: Site, tab: Tab) -> None:
    names = []
    for motion in ("reduce", "no-preference"):
        page = tab(reduced_motion=motion)
        page.goto(site.url + "/queues")
        page.locator("[data-live-state]:not(.off)").wait_for()
        names.append(page.evaluate("getComputedStyle(document.querySelector('.live')).animationName"))
    assert names == ["none", "beat"]


def test_a_viewer_whose_clock_is_wrong_sees_the_same_ages(site: Site, tab: Tab) -> None:
    ages = []
    for year in (None, 1999, 2051):
        page = tab()
        if year is not None:
            page.clock.set_fixed_time(datetime(year, 6, 1, tzinfo=UTC))
        page.goto(site.url + "/jobs?status=failed")
        assert page.evaluate("new Date().getFullYear()") == (year or datetime.now(UTC).year)
        ages.append(re.sub(r"[0-9.]+", "N", page.locator("time.age").first.inner_text()))
        page.goto(site.url + pages_of(site)["job-failed"])
        ages.append(page.locator(".facts time").first.inner_text())
    assert ages[2:4] == ages[:2] == ages[4:]
