"""``python -m tests.chaos``: play scenarios, print one line each, exit 1 if an invariant was broken."""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
import sys

from pg_scheduler_embedded import EmbeddedServer
from pg_scheduler_embedded.server import FAST
from tests.chaos.options import Options
from tests.chaos.play import Report, play
from tests.chaos.report import READING, Progress, as_json, heading, line_of
from tests.chaos.scenarios import SCENARIOS
from tests.support.databases import new_database

LIBRARIES = ("asyncpg", "psycopg")


def parsed(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    listed = "; ".join(f"{scenario.name}: {scenario.summary}" for scenario in SCENARIOS.values())
    numbers = ", ".join(f"{scenario.jobs} for {scenario.name}" for scenario in SCENARIOS.values())
    parser.add_argument("--scenario", action="append", choices=SCENARIOS, help=f"may be repeated. {listed}")
    parser.add_argument("--library", choices=(*LIBRARIES, "both"), default="both")
    parser.add_argument("--seconds", type=float, default=30.0, help="the jobs fall due over this time")
    parser.add_argument("--jobs", type=int, help=f"how many; by default {numbers}")
    parser.add_argument("--seed", type=int, help="repeats the choices of an earlier run")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    parser.add_argument("--verbose", action="store_true", help="show what the workers complained about")
    return parser.parse_args(arguments)


async def play_all(chosen: argparse.Namespace, options: Options, server: EmbeddedServer) -> list[Report]:
    """Every chosen scenario with every chosen library, one after the other."""
    reports = []
    for name in chosen.scenario or SCENARIOS:
        for library in LIBRARIES if chosen.library == "both" else (chosen.library,):
            progress = Progress(f"{name}, {library}, seed {options.seed}")
            dsn = await new_database(server)
            report = await play(SCENARIOS[name], options, library, dsn, progress)
            progress.clear()
            reports.append(report)
            if not chosen.json:
                print(line_of(report), flush=True)
            for complaint in report.complaints if options.verbose else ():
                print(f"    {complaint}", file=sys.stderr)
    return reports


def main(arguments: list[str]) -> int:
    """Exit code 0 if all invariants hold."""
    chosen = parsed(arguments)
    options = Options(
        seed=random.randrange(1_000_000) if chosen.seed is None else chosen.seed,
        jobs=chosen.jobs,
        seconds=chosen.seconds,
        verbose=chosen.verbose,
    )
    # A polite end is an end like Ctrl-C: everything that was started is cleaned up.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with EmbeddedServer(settings=FAST) as server:
            if not chosen.json:
                print(heading(), flush=True)
            reports = asyncio.run(play_all(chosen, options, server))
    except KeyboardInterrupt:
        print("interrupted; everything is cleaned up", file=sys.stderr)
        return 130
    print(as_json(reports) if chosen.json else READING)
    return 1 if any(report.problems for report in reports) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
