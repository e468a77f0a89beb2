"""mypy --strict and pyright find every planted mistake, on its line, and nothing else."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(__file__).with_name("programs")
MARK = "# wrong: "

Place = tuple[str, int]
"""File name and line."""


def _output(arguments: list[str], cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'adapters'}", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr  # 1: it found something
    return done.stdout


def found_by_mypy(programs: Path) -> dict[Place, str]:
    """What mypy reports, with the settings of this project."""
    files = [str(file) for file in programs.glob("*.py")]
    lines = _output(["mypy", "--strict", "--no-error-summary", *files], ROOT).splitlines()
    errors = [match for line in lines if (match := re.match(r"(.+?):(\d+): error: (.*)", line))]
    return {(Path(path).name, int(line)): message for path, line, message in (e.groups() for e in errors)}


def found_by_pyright(programs: Path) -> dict[Place, str]:
    """What pyright reports."""
    command = ["pyright", "-p", str(programs), "--pythonpath", sys.executable, "--outputjson"]
    report = json.loads(_output(command, programs, PYRIGHT_PYTHON_IGNORE_WARNINGS="1"))
    return {
        (Path(one["file"]).name, one["range"]["start"]["line"] + 1): one["message"]
        for one in report["generalDiagnostics"]
        if one["severity"] == "error"
    }


def planted(programs: Path) -> dict[Place, str]:
    """The mistakes that are marked."""
    return {
        (file.name, number): line.partition(MARK)[2]
        for file in programs.glob("*.py")
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if MARK in line
    }


Find = Callable[[Path], dict[Place, str]]


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("find", [found_by_mypy, found_by_pyright])
def test_every_mistake_is_found_where_it_stands_and_nothing_else(find: Find) -> None:
    mistakes, found = planted(PROGRAMS), find(PROGRAMS)
    assert {place: mistakes[place] for place in mistakes.keys() - found.keys()} == {}, "not found"
    assert {place: found[place] for place in found.keys() - mistakes.keys()} == {}, "found where none is"


def test_the_mistakes_of_the_review_are_all_there() -> None:
    assert len([1 for file, _ in planted(PROGRAMS) if file == "planted_mistakes.py"]) == 21


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_nothing_public_has_a_type_that_checkers_must_guess() -> None:
    command = ["pyright", "--pythonpath", sys.executable, "--verifytypes", "pg_scheduler", "--ignoreexternal"]
    report = json.loads(_output([*command, "--outputjson"], ROOT, PYRIGHT_PYTHON_IGNORE_WARNINGS="1"))[
        "typeCompleteness"
    ]
    undeclared = {
        symbol["name"]: message
        for symbol in report["symbols"]
        for message in (one["message"] for one in symbol["diagnostics"])
        # The others follow from these: their types hold what is undeclared.
        if symbol["isExported"] and not symbol["isTypeKnown"] and "partially unknown" not in message
    }
    assert undeclared == {}, "give them types: self.name: Type = ..."
    assert report["completenessScore"] == 1
