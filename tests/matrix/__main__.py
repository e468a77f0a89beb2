"""``make matrix``: the driver's tests on PostgreSQL 13 to 18, and one table at the end.

    python -m tests.matrix
    python -m tests.matrix --versions 13,17

A version comes from the machine, from the wheel of the extra `embedded`, or from npm. Ends with 1 if a test
failed. A version that cannot be had is left out, with the reason in the table.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from pg_scheduler_embedded.binaries import available_versions
from tests.matrix.npm import NotToBeHad, programs_of
from tests.support.processes import ROOT

VERSIONS = range(13, 19)
DRIVER_TESTS = (
    "tests/contract",
    "tests/adapters/postgres",
    "tests/engine/limits",
    "tests/engine/retention",
    "tests/engine/schedules",
)


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one version."""

    version: int
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    note: str = ""

    def __str__(self) -> str:
        counts = f"{self.passed:>7}  {self.failed:>7}  {self.skipped:>7}"
        return f"{self.version:>10}  {counts}  {self.note}".rstrip()


def tested(version: int) -> Row:
    """Run the tests on one version."""
    environment = {**os.environ, "PG_SCHEDULER_TEST_VERSIONS": str(version)}
    if version not in available_versions():
        try:
            programs = programs_of(version)
        except NotToBeHad as reason:
            return Row(version, note=f"left out: {reason}")
        environment["PATH"] = f"{programs}{os.pathsep}{os.environ['PATH']}"
    print(f"\nPostgreSQL {version}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        # What is only in memory has no version.
        command = ["-q", "-n", "4", "--dist", "worksteal", "-k", "not memory", f"--junitxml={report}"]
        code = subprocess.run(
            [sys.executable, "-m", "pytest", *command, *DRIVER_TESTS], cwd=ROOT, env=environment
        ).returncode
        return _row_of(version, report, code)


def _row_of(version: int, report: Path, code: int) -> Row:
    if not report.exists():
        return Row(version, failed=1, note=f"pytest ended with {code}")
    (suite,) = ElementTree.parse(report).getroot().iter("testsuite")
    ran, skipped = int(suite.attrib["tests"]), int(suite.attrib["skipped"])
    failed = int(suite.attrib["failures"]) + int(suite.attrib["errors"])
    return Row(version, ran - failed - skipped, failed, skipped)


def main() -> int:
    """Run, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.matrix")
    parser.add_argument("--versions", default=",".join(map(str, VERSIONS)), help="major versions, by commas")
    rows = [tested(int(version)) for version in parser.parse_args().versions.split(",")]
    print("\nPostgreSQL   passed   failed  skipped")
    print(*rows, sep="\n")
    return 1 if any(row.failed for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
