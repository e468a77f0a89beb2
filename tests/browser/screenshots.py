"""`make screenshots`: the pictures of the documentation, and with a folder as an argument, of everything."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from tests.browser.programs import chromium, folder_of_pictures, found_or_fetched
from tests.browser.site import Site, pages_of

WIDE, NARROW = {"width": 1200, "height": 830}, {"width": 390, "height": 760}
OF_THE_DOCS = {"overview": ("light", WIDE), "job-waiting": ("light", WIDE)}


def _picture(browser: Browser, url: str, target: Path, scheme: str, window: Any, whole: bool) -> None:
    context = browser.new_context(
        color_scheme=scheme,  # type: ignore[arg-type]
        viewport=window, locale="en-GB", timezone_id="Europe/Berlin", reduced_motion="reduce",
    )  # fmt: skip
    page = context.new_page()
    page.goto(url)
    page.screenshot(path=str(target), full_page=whole)
    context.close()


def main(everything: Path | None) -> None:
    """Make them."""
    missing = found_or_fetched()
    found = chromium()
    if found is None:
        sys.exit("; ".join(missing))
    folder = everything or folder_of_pictures()
    folder.mkdir(parents=True, exist_ok=True)
    with Site().open() as site, sync_playwright() as playing:
        browser = playing.chromium.launch(executable_path=found, args=["--no-sandbox"])
        pages = pages_of(site)
        if everything is None:
            for name, (scheme, window) in OF_THE_DOCS.items():
                path = pages[name.removesuffix("-dark")]
                _picture(browser, site.url + path, folder / f"{name}.png", scheme, window, False)
        else:
            for scheme, window in (("light", WIDE), ("dark", WIDE), ("light", NARROW)):
                for name, path in pages.items():
                    target = folder / f"{name}-{scheme}-{window['width']}.png"
                    _picture(browser, site.url + path, target, scheme, window, True)
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
