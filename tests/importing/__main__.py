"""Ten rounds for each rival: ``python -m tests.importing [--rounds 10] [--jobs 1000] [--rival NAME]``."""

from __future__ import annotations

import argparse
import asyncio

from pg_scheduler_embedded import EmbeddedServer
from pg_scheduler_embedded.server import FAST
from tests.importing.rivals import RIVALS
from tests.importing.rounds import play
from tests.support.databases import new_database


async def main(rounds: int, jobs: int, names: list[str]) -> int:
    """Play; how many rounds went wrong."""
    wrong = 0
    with EmbeddedServer(settings=FAST) as server:
        for name in names:
            rival = RIVALS[name]
            print(f"{name} {await rival.prepare()}", flush=True)
            for number in range(1, rounds + 1):
                came = await play(rival, await new_database(server), jobs)
                wrong += bool(came.wrong)
                print(f"  round {number}: {came} {came.wrong or 'each once'}", flush=True)
    return wrong


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.importing")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--rival", action="append", choices=sorted(RIVALS), default=None)
    given = parser.parse_args()
    raise SystemExit(asyncio.run(main(given.rounds, given.jobs, given.rival or sorted(RIVALS))) > 0)
