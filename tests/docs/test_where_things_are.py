"""The table "I want to change ..." of the contributing page leads to files and tests that exist."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys

import pytest

from tests.docs.pages import ROOT, blocks
from tests.docs.tables import names, table

ROWS = table("docs/CONTRIBUTING.md", "behaviour", "file", "command")
LEAST = 20


@pytest.fixture(scope="module")
def collected() -> list[str]:
    """The ids of all tests under the paths of the commands."""
    paths = sorted({path for row in ROWS for path in _paths(row)})
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--collect-only",
        "-q",
        "--no-header",
        "-p",
        "no:cacheprovider",
    ]
    done = subprocess.run(
        [*command, "--no-summary", *paths], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


def _words(row: tuple[str, ...]) -> list[str]:
    (command,) = names(row[2])
    program, *words = shlex.split(command)
    assert program == "pytest"
    return words


def _paths(row: tuple[str, ...]) -> list[str]:
    """What the command names, without ``-k WORD``."""
    words = _words(row)
    return words[: words.index("-k")] if "-k" in words else words


def test_there_are_enough_rows_and_each_behaviour_stands_there_once() -> None:
    behaviours = [row[0] for row in ROWS]
    assert len(set(behaviours)) == len(behaviours) >= LEAST


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_the_file_exists_and_the_command_runs_tests(row: tuple[str, ...], collected: list[str]) -> None:
    (file,) = names(row[1])
    assert (ROOT / file).exists()
    word = _words(row)[-1].lower() if "-k" in _words(row) else ""
    for path in _paths(row):
        assert any(test.startswith(path) and word in test.lower() for test in collected)


def test_the_layout_shows_every_folder_of_the_product() -> None:
    (layout,) = [block.text for block in blocks(ROOT / "docs/CONTRIBUTING.md") if block.language == "text"]
    folders = {
        folder.name
        for above in ("pg_scheduler", "pg_scheduler/engine", "adapters")
        for folder in (ROOT / above).iterdir()
        if any(folder.glob("*.py"))
    }
    around = {"pg_scheduler", "adapters", "tests", "benchmarks", "docs", "sql", "fragments", "migrations"}
    assert set(re.findall(r"(\w+)/", layout)) == folders | around
