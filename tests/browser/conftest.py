"""Chromium, and pages that fail where the browser complains."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser import programs
from tests.browser.site import Site

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

ALL = os.environ.get("PG_SCHEDULER_BROWSER") == "all"
WATCH = """
window.violations = [];
addEventListener("securitypolicyviolation", (event) => {
  window.violations.push(event.violatedDirective + " " + event.blockedURI + " " + event.sourceFile);
});
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of this folder `make slow` runs what is marked as slow, and `make browser` everything."""
    skipped = pytest.mark.skip(reason="a part of `make browser`")
    for item in items:
        if "tests/browser" in str(item.path) and not ALL and not item.get_closest_marker("slow"):
            item.add_marker(skipped)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The browser. Not for longer than a module: while playwright is there, its event loop counts as running
    in this thread, and tests of coroutines that come after could not run."""
    found = programs.chromium()
    if found is None:
        pytest.skip("no chromium on this machine: `make browser` installs one")
    with sync_playwright() as playing:
        browser = playing.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """The dashboard."""
    with Site().open() as opened:
        yield opened


Tab = Callable[..., Page]
USUAL: dict[str, Any] = {
    "locale": "en-GB",
    "timezone_id": "Europe/Berlin",
    "viewport": {"width": 1280, "height": 800},
}


@pytest.fixture
def tab(chromium: Browser) -> Iterator[Tab]:
    """Opens a tab, in a browser of its own unless one is given. Whatever it complains about fails the test,
    but for answers with a status of `expected`."""
    complaints: list[str] = []
    with_scripts: dict[BrowserContext, bool] = {}

    def opened(beside: Page | None = None, expected: int = 404, **options: Any) -> Page:
        def note(text: str) -> None:
            if f"the server responded with a status of {expected}" not in text:
                complaints.append(text)

        if beside is not None:
            context = beside.context
        else:
            context = chromium.new_context(**{**USUAL, **options})
            context.set_default_timeout(10_000)
            context.add_init_script(WATCH)
            with_scripts[context] = options.get("java_script_enabled", True)
        page = context.new_page()
        page.on("console", lambda line: note(line.text) if line.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: note(str(error)))
        page.on("dialog", lambda dialog: note(f"a dialog: {dialog.message}"))
        return page

    yield opened
    for context, scripts in with_scripts.items():
        for page in context.pages if scripts else ():
            complaints.extend(page.evaluate("window.violations || []"))
        context.close()
    assert complaints == []
