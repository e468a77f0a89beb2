"""``python -m tests.chaos``: play scenarios, print one line each, exit 1 if an invariant was broken."""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import signal
import sys
import time
from collections.abc import Callable

from pg_scheduler.client.source import Library
from pg_scheduler_embedded import EmbeddedServer
from tests.chaos.act import Act, perform
from tests.chaos.neighbours import play_neighbours
from tests.chaos.options import Options
from tests.chaos.outcome import Outcome
from tests.chaos.play import play
from tests.chaos.report import READING, Progress, as_json, heading, line_of
from tests.chaos.scenarios import SCENARIOS
from tests.support.databases import new_database

LIBRARIES: tuple[Library, ...] = ("asyncpg", "psycopg")
USUAL_MINUTES = 10.0
CRASH_SAFE = {"fsync": "off", "full_page_writes": "off"}
"""Quick, but what the server has committed survives its own crash."""


def parsed(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    listed = "; ".join(f"{scenario.name}: {scenario.summary}" for scenario in SCENARIOS.values())
    parser.add_argument("--scenario", action="append", choices=SCENARIOS, help=f"may be repeated. {listed}")
    parser.add_argument("--library", choices=(*LIBRARIES, "both"), default="both")
    parser.add_argument("--minutes", type=float, default=USUAL_MINUTES, help="about so long for everything")
    parser.add_argument("--seconds", type=float, help="the jobs of each scenario fall due over this time")
    parser.add_argument("--jobs", type=int, help="how many for each scenario that has a load of jobs")
    parser.add_argument("--seed", type=int, help="repeats the choices of an earlier run")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    parser.add_argument("--verbose", action="store_true", help="show what the workers complained about")
    return parser.parse_args(arguments)


async def play_all(
    chosen: argparse.Namespace, options: Options, server: EmbeddedServer, shown: Callable[[Outcome], None]
) -> list[Outcome]:
    """Every chosen scenario with every chosen library, one after the other."""
    outcomes = []
    for name in chosen.scenario or SCENARIOS:
        for library in LIBRARIES if chosen.library == "both" else (chosen.library,):
            outcomes.append(await _play_one(name, library, options, server))
            shown(outcomes[-1])
    return outcomes


async def _play_one(name: str, library: Library, options: Options, server: EmbeddedServer) -> Outcome:
    dsn, scenario = await new_database(server), SCENARIOS[name]
    if isinstance(scenario, Act):
        return await perform(scenario, server, library, dsn, options)
    progress = Progress(f"{name}, {library}, seed {options.seed}")
    outcome = await play(scenario, options, library, dsn, progress)
    progress.clear()
    return outcome


def main(arguments: list[str]) -> int:
    """Exit code 0 if all invariants hold."""
    chosen = parsed(arguments)
    began = time.monotonic()
    options = Options(
        seed=random.randrange(1_000_000) if chosen.seed is None else chosen.seed,
        jobs=chosen.jobs,
        seconds=chosen.seconds,
        scale=chosen.minutes / USUAL_MINUTES,
        verbose=chosen.verbose,
    )

    def shown(outcome: Outcome) -> None:
        if not chosen.json:
            print(line_of(outcome), flush=True)
        for complaint in outcome.complaints if chosen.verbose else ():
            print(f"    {complaint}", file=sys.stderr)

    # A pool of the harness that loses the server it restarts is no news.
    logging.getLogger("asyncpg").addHandler(logging.NullHandler())
    # A polite end is an end like Ctrl-C: everything that was started is cleaned up.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if not chosen.json:
            print(f"seed {options.seed}\n{heading()}", flush=True)
        with EmbeddedServer(settings=CRASH_SAFE) as server:
            outcomes = asyncio.run(play_all(chosen, options, server, shown))
        # A run of chosen scenarios is about these.
        well = bool(chosen.scenario) or play_neighbours(options.seed, chosen.minutes, chosen.json)
    except KeyboardInterrupt:
        print("interrupted; everything is cleaned up", file=sys.stderr)
        return 130
    print(as_json(outcomes) if chosen.json else f"{READING}\n{time.monotonic() - began:.0f} s in all")
    return 0 if well and all(outcome.well for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
