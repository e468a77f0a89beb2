"""Follows every link of a built site to the page, picture or heading it names: ``check_links.py FOLDER``.

Links that leave the site are not followed, so it needs no network; they are counted.
"""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """What a page links to, and what can be linked to in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value and name in ("href", "src"):
                self.links.append(value)
            elif value and name in ("id", "name"):
                self.anchors.add(value)


def broken_links(site: Path) -> tuple[list[str], int]:
    """Links that lead nowhere, each with its page; and how many leave the site."""
    pages = {file.resolve(): Page(file.read_text(encoding="utf-8")) for file in site.rglob("*.html")}
    broken, leaving = list[str](), 0
    for file, page in sorted(pages.items()):
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                leaving += 1
                continue
            target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
            anchor = unquote(parts.fragment)
            known = pages[target].anchors if target in pages else set()
            if not target.exists() or (anchor and anchor not in known):
                broken.append(f"{file.relative_to(site.resolve())}: {link}")
    return broken, leaving


if __name__ == "__main__":
    found, outside = broken_links(Path(sys.argv[1]))
    print("\n".join(found) or f"every link leads somewhere; {outside} leave the site and were not followed")
    raise SystemExit(bool(found))
