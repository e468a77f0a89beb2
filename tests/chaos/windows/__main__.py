"""``python -m tests.chaos.windows``: one line per scenario and library, exit 1 if a window went wrong."""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
import sys

from pg_scheduler.client.source import Library
from pg_scheduler_embedded import EmbeddedServer
from tests.chaos.windows.findings import Findings
from tests.chaos.windows.play import play_pinned, play_real
from tests.support.databases import new_database

LIBRARIES: tuple[Library, ...] = ("asyncpg", "psycopg")
CRASH_SAFE = {"fsync": "off", "full_page_writes": "off"}
"""Quick, but what the server has committed survives its own crash."""


def parsed(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.windows", description=__doc__)
    parser.add_argument("--scenario", choices=("pinned", "real", "both"), default="both")
    parser.add_argument("--library", choices=(*LIBRARIES, "both"), default="both")
    parser.add_argument("--windows", type=int, default=1000, help="of one second, by the pinned clock")
    parser.add_argument("--pinned-seconds", type=float, default=60.0, help="real time that they are given")
    parser.add_argument("--workers", type=int, default=8, help="processes in the pinned scenario")
    parser.add_argument("--seconds", type=float, default=120.0, help="length of the real-time scenario")
    parser.add_argument("--every", type=float, default=5.0, help="seconds between its windows")
    parser.add_argument("--seed", type=int, help="repeats the choices of an earlier run")
    return parser.parse_args(arguments)


async def play_all(chosen: argparse.Namespace, server: EmbeddedServer, seed: int) -> list[Findings]:
    """Every chosen scenario with every chosen library, one after the other."""
    found = []
    for library in LIBRARIES if chosen.library == "both" else (chosen.library,):
        if chosen.scenario in ("pinned", "both"):
            dsn = await new_database(server)
            found.append(
                await play_pinned(
                    server, library, dsn, seed,
                    windows=chosen.windows, workers=chosen.workers, seconds=chosen.pinned_seconds,
                )
            )  # fmt: skip
            print(found[-1].line(), flush=True)
        if chosen.scenario in ("real", "both"):
            dsn = await new_database(server)
            found.append(await play_real(library, dsn, seed, seconds=chosen.seconds, every=chosen.every))
            print(found[-1].line(), flush=True)
    return found


def main(arguments: list[str]) -> int:
    """Exit code 0 if every window was there once and ran."""
    chosen = parsed(arguments)
    seed = random.randrange(1_000_000) if chosen.seed is None else chosen.seed
    # A polite end is an end like Ctrl-C: everything that was started is cleaned up.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with EmbeddedServer(settings=CRASH_SAFE) as server:
            found = asyncio.run(play_all(chosen, server, seed))
    except KeyboardInterrupt:
        print("interrupted; everything is cleaned up", file=sys.stderr)
        return 130
    return 0 if all(one.well for one in found) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
