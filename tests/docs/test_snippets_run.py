"""Every snippet is executed, on a real database, with both libraries."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import pg_scheduler.db
from pg_scheduler.client.source import Library
from pg_scheduler.domain.errors import MissingDependency
from tests.docs.pages import blocks, name_of, pages
from tests.docs.playing import Reader

RUNNABLE = ("python", "sql")
PLAYED = [page for page in pages() if any(block.language in RUNNABLE for block in blocks(page))]


@pytest.fixture(params=["asyncpg", pytest.param("psycopg", marks=pytest.mark.slow)])
def library(request: pytest.FixtureRequest) -> str:
    """Both drivers; the second one not in `make test`, as most of a page does not depend on it."""
    return str(request.param)


@pytest.fixture
def only_library(library: Library, monkeypatch: pytest.MonkeyPatch) -> Library:
    """The machine looks as if the other library were not installed, so a bare DSN means this one."""
    adapter: Callable[[str], Any] = pg_scheduler.db._adapter

    def installed(name: str, *driver: str) -> Any:
        if name != library and not driver:
            raise MissingDependency(f"{name} is not installed")
        return adapter(name, *driver)

    monkeypatch.setattr(pg_scheduler.db, "_adapter", installed)
    return library


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where a page's files are, importable; what was imported from there is forgotten in the end."""
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture(autouse=True)
def _decorations_stay_on_their_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a page decorates with @periodic belongs to the whole process; the next page must not run it."""
    monkeypatch.setattr(importlib.import_module("pg_scheduler.client.periodic_registry"), "_registered", {})


@pytest.mark.parametrize("page", PLAYED, ids=name_of)
async def test_what_a_page_shows_runs(
    page: Path, dsn: str, only_library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = Reader(folder, dsn, only_library)
    monkeypatch.setitem(sys.modules, "page", reader.module)
    await reader.open()
    try:
        for block in blocks(page):
            if block.language in RUNNABLE:
                await reader.play(block)
    finally:
        await reader.close()
