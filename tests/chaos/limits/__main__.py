"""``python -m tests.chaos.limits``: one line per library, exit 1 if a limit was broken."""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
import sys

from pg_scheduler.client.source import Library
from pg_scheduler_embedded import EmbeddedServer
from pg_scheduler_embedded.server import FAST
from tests.chaos.limits.findings import Findings
from tests.chaos.limits.play import play
from tests.support.databases import new_database

LIBRARIES: tuple[Library, ...] = ("asyncpg", "psycopg")


def parsed(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.limits", description=__doc__)
    parser.add_argument("--library", choices=(*LIBRARIES, "both"), default="both")
    parser.add_argument("--jobs", type=int, default=5000)
    parser.add_argument("--workers", type=int, default=4, help="processes that live at any time")
    parser.add_argument("--seed", type=int, help="repeats the choices of an earlier run")
    return parser.parse_args(arguments)


async def play_all(chosen: argparse.Namespace, server: EmbeddedServer, seed: int) -> list[Findings]:
    """Every chosen library, one after the other."""
    found = []
    for library in LIBRARIES if chosen.library == "both" else (chosen.library,):
        dsn = await new_database(server)
        found.append(await play(library, dsn, seed, jobs=chosen.jobs, workers=chosen.workers))
        print(found[-1].line(), flush=True)
    return found


def main(arguments: list[str]) -> int:
    """Exit code 0 if no limit was broken and no capacity was lost."""
    chosen = parsed(arguments)
    seed = random.randrange(1_000_000) if chosen.seed is None else chosen.seed
    # A polite end is an end like Ctrl-C: everything that was started is cleaned up.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with EmbeddedServer(settings=FAST) as server:
            found = asyncio.run(play_all(chosen, server, seed))
    except KeyboardInterrupt:
        print("interrupted; everything is cleaned up", file=sys.stderr)
        return 130
    return 1 if any(one.problems for one in found) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
