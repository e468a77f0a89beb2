"""Takes a guard out of a copy of the tree, and asks a harness whether its scenario sees that."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pg_scheduler.client.source import Library

ROOT = Path(__file__).resolve().parents[2]
FRAGMENTS = "adapters/pg_scheduler_postgres/fragments/"
SQL = "adapters/pg_scheduler_postgres/sql/"
LIMIT = 900.0
"""Seconds after which a scenario that does not end is ended."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One guard less."""

    scenario: str
    guard: str
    """What the code without it no longer says."""
    edits: tuple[tuple[str, str, str], ...]
    """File, text that stands there exactly once, and what takes its place."""
    length: float | None = None
    """As of the harness's command; None: the harness's usual one."""


@dataclass(frozen=True, slots=True)
class Harness:
    """A command that plays scenarios and prints, with ``--json``, what each found."""

    module: str
    length_option: str
    usual: float
    mutants: tuple[Mutant, ...]
    missing: Callable[[str], str | None] = lambda scenario: None
    """Why a scenario cannot be played here; None if it can."""


def mutated(mutant: Mutant, copy: Path) -> str | None:
    """Make the copy; what is wrong with the mutant, None if nothing is."""
    copy.chmod(0o755)
    for folder in ("pg_scheduler", "adapters", "tests"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file, text, other in mutant.edits:
        path = copy / file
        source = path.read_text()
        if source.count(text) != 1:
            return f"{file} holds {source.count(text)} times: {text!r}"
        path.write_text(source.replace(text, other))
    return None


def played(harness: Harness, mutant: Mutant, library: Library) -> tuple[bool, str]:
    """Whether the scenario saw it, and what it said."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as name:
        wrong = mutated(mutant, Path(name))
        if wrong is not None:
            return False, wrong
        length = harness.usual if mutant.length is None else mutant.length
        command = [
            sys.executable, "-m", harness.module, "--json", "--seed", "1", "--library", library,
            "--scenario", mutant.scenario, harness.length_option, f"{length:g}",
        ]  # fmt: skip
        told, complaints = _output(command, Path(name))
    try:
        (outcome,) = json.loads(told)
    except ValueError:
        # A scenario that breaks down has seen something, but says nothing.
        return False, "no outcome: " + (complaints.strip().splitlines() or ["nothing said"])[-1]
    problems = outcome["problems"]
    # A scenario that has shown nothing has not seen that the guard is gone.
    seen = [problem for problem in problems if not problem.startswith("nothing proved")]
    return bool(seen), "; ".join(problems) or "nothing seen"


def _output(command: list[str], copy: Path) -> tuple[str, str]:
    """What the command writes to its two streams, on the copy."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(copy), str(copy / "adapters")))}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=copy, env=environment, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            return process.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            _end(process)
            return "", f"no end within {LIMIT:.0f} s"
        except BaseException:
            process.terminate()
            raise


def _end(process: subprocess.Popen[str]) -> None:
    """Politely, as it has started servers that it should stop; by force if it hears nothing."""
    process.terminate()
    try:
        process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()


def run(harness: Harness, arguments: list[str], description: str | None) -> int:
    """Exit code 0 if every mutant is caught."""
    parser = argparse.ArgumentParser(prog=f"python -m {harness.module}.mutants", description=description)
    parser.add_argument("--scenario", action="append", help="only the mutants of this one; may be repeated")
    parser.add_argument("--library", choices=("asyncpg", "psycopg"), default="asyncpg")
    chosen = parser.parse_args(arguments)
    escaped = 0
    for mutant in harness.mutants:
        if chosen.scenario and mutant.scenario not in chosen.scenario:
            continue
        missing = harness.missing(mutant.scenario)
        if missing is not None:
            print(f"{mutant.scenario:>18}  left out: {missing}", flush=True)
            continue
        caught, said = played(harness, mutant, chosen.library)
        escaped += not caught
        print(
            f"{mutant.scenario:>18}  {'caught' if caught else 'ESCAPED':>7}  {mutant.guard}: {said}",
            flush=True,
        )
    return 1 if escaped else 0
