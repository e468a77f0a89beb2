"""``make django``: Django's own tests of task backends, against ours, and one table at the end.

    python -m tests.django_suite

Django 6 on Python 3.13 and 3.12, and Django 5.2 with the package django-tasks on Python 3.11 (with the tests
of Django 6.0, by its names). Environments are made with pip and kept; what cannot be had is left out, with
the reason in the table. Ends with 1 if a test failed, or if nothing could be tested.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

from pg_scheduler_embedded import EmbeddedServer
from tests.django_suite.environments import WANTED, NotToBeHad, Wanted, made
from tests.support.processes import ROOT


def tested(wanted: Wanted, dsn: str) -> tuple[bool, str]:
    """Whether its tests passed, and what is said of them."""
    home = made(wanted)
    path = os.pathsep.join((str(ROOT), str(ROOT / "adapters")))
    done = subprocess.run(
        [home / "bin" / "python", "-m", "tests.django_suite.run", home / "suite", dsn],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    if not done.stdout.strip():
        return False, f"ended with {done.returncode}"
    said = json.loads(done.stdout.strip().splitlines()[-1])
    left_out = f"left out: {', '.join(said['left_out'])}"
    failed = f"; failed: {', '.join(said['failed'])}" if said["failed"] else ""
    return done.returncode == 0, f"{said['passed']} passed{failed}; {left_out}"


def main() -> int:
    """Run, and print the table."""
    table: list[tuple[str, bool | None, str]] = []
    for wanted in WANTED:
        print(f"\n{wanted.name}", flush=True)
        try:
            with EmbeddedServer() as server:
                table.append((wanted.name, *tested(wanted, server.dsn)))
        except NotToBeHad as reason:
            table.append((wanted.name, None, f"left out: {reason}"))
    for name, passed, note in table:
        print(f"{name:>32}  {note}" if passed is not False else f"{name:>32}  FAILED  {note}")
    return (
        0
        if any(passed for _, passed, _ in table) and all(passed is not False for _, passed, _ in table)
        else 1
    )


if __name__ == "__main__":
    sys.exit(main())
