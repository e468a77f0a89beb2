"""``python -m tests.chaos.network``: one line per scenario and library, exit 1 if an invariant was broken."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import random
import signal
import sys
from dataclasses import asdict

from pg_scheduler.client.source import Library
from pg_scheduler_embedded import EmbeddedServer
from tests.chaos.network.findings import HEADING, READING, Findings
from tests.chaos.network.play import play
from tests.chaos.network.scenarios import SCENARIOS
from tests.chaos.network.scenarios.outages import CRASH_SAFE

LIBRARIES: tuple[Library, ...] = ("asyncpg", "psycopg")


def parsed(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    listed = "; ".join(f"{scenario.name}: {scenario.summary}" for scenario in SCENARIOS.values())
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.network", description=__doc__)
    parser.add_argument("--scenario", action="append", choices=SCENARIOS, help=f"may be repeated. {listed}")
    parser.add_argument("--library", choices=(*LIBRARIES, "both"), default="both")
    parser.add_argument(
        "--size", type=int, default=5, help="how long each goes on; 1 is the suite's short form"
    )
    parser.add_argument("--seed", type=int, help="repeats the choices of an earlier run")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    parser.add_argument("--verbose", action="store_true", help="show what the library logs")
    return parser.parse_args(arguments)


async def play_all(chosen: argparse.Namespace, server: EmbeddedServer, seed: int) -> list[Findings]:
    """Every chosen scenario with every chosen library, one after the other."""
    found = []
    for name in chosen.scenario or SCENARIOS:
        missing = SCENARIOS[name].missing()
        if missing:
            print(
                f"{name:>20}  left out: {missing}",
                file=sys.stderr if chosen.json else sys.stdout,
                flush=True,
            )
            continue
        for library in LIBRARIES if chosen.library == "both" else (chosen.library,):
            found.append(await play(SCENARIOS[name], server, library, seed, chosen.size))
            if not chosen.json:
                print(found[-1].line(), flush=True)
    return found


def main(arguments: list[str]) -> int:
    """Exit code 0 if nothing was lost, doubled, taken needlessly or left behind."""
    chosen = parsed(arguments)
    seed = random.randrange(1_000_000) if chosen.seed is None else chosen.seed
    if chosen.verbose:
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    else:
        logging.disable(logging.CRITICAL)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with EmbeddedServer(settings=CRASH_SAFE) as server:
            if not chosen.json:
                print(HEADING, flush=True)
            found = asyncio.run(play_all(chosen, server, seed))
    except KeyboardInterrupt:
        print("interrupted; everything is cleaned up", file=sys.stderr)
        return 130
    print(json.dumps([asdict(one) for one in found], indent=2) if chosen.json else READING)
    return 1 if any(one.problems for one in found) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
