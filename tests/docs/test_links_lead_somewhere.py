"""Links between pages, the names of files, and the names of Python things all exist."""

from __future__ import annotations

import importlib
import importlib.util
import re
from contextlib import suppress
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, name_of, pages, prose

_LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")
_FILE = re.compile(r"(pg_scheduler|adapters|tests|docs|benchmarks)/[\w./*-]*")
_DOTTED = re.compile(r"pg_scheduler\w*(\.\w+)+")

PAGES = pytest.mark.parametrize("page", pages(), ids=name_of)


def _anchors(page: Path) -> set[str]:
    """As GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _exists(dotted: str) -> bool:
    """True if the name is a module, or can be reached from one."""
    with suppress(ModuleNotFoundError):
        if importlib.util.find_spec(dotted) is not None:
            return True  # without importing it: some modules need a framework that is set up
    parts = dotted.split(".")
    for split in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:split]))
        except ModuleNotFoundError:
            continue
        for part in parts[split:]:
            found = getattr(found, part, None)
        return found is not None
    return False


@PAGES
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in _LINK.findall(prose(page)):
        if target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        assert not anchor or anchor in _anchors(file), target


@PAGES
def test_every_file_that_is_named_exists(page: Path) -> None:
    for code in _CODE.findall(prose(page)):
        if _FILE.fullmatch(code):
            assert (ROOT / code).exists(), code


@PAGES
def test_every_python_name_exists(page: Path) -> None:
    for code in _CODE.findall(prose(page)):
        name = code.partition("(")[0]
        if _DOTTED.fullmatch(name) and not name.endswith(".py"):
            assert _exists(name), code


def test_every_page_is_reachable_from_the_front_page() -> None:
    front = ROOT / "docs" / "index.md"
    reached, waiting = set(), [front]
    while waiting:
        page = waiting.pop()
        reached.add(page)
        entries = re.findall(r"^([\w/-]+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
        waiting += [
            file
            for entry in entries
            if (file := page.parent / f"{entry}.md").exists() and file not in reached
        ]
    assert set(pages()) - {ROOT / "README.md"} == reached
