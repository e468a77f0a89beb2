"""``python -m tests.simulation``: play seeds, print one line; ``--seed N`` plays one and shows all of it."""

from __future__ import annotations

import argparse
import sys
import time

from tests.simulation.play import play
from tests.simulation.report import Tally, complaint


def parsed(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="how many (default: 1000)")
    parser.add_argument("--from", type=int, default=0, dest="first", help="the first of them (default: 0)")
    parser.add_argument("--seed", type=int, help="play this one and print its trace")
    parser.add_argument("--digests", action="store_true", help="print a digest of each seed's trace")
    return parser.parse_args(arguments)


def show_one(seed: int) -> int:
    """Play one seed in full view."""
    outcome = play(seed, print)
    print(f"seed {seed}: {outcome.seconds:.0f} simulated seconds, trace {outcome.digest}")
    if outcome.violations:
        print(complaint(outcome))
    return 1 if outcome.violations else 0


def play_many(first: int, seeds: int, digests: bool) -> int:
    """Play seeds one after the other; a failing one says so at once."""
    tally, said = Tally(), time.monotonic()
    for seed in range(first, first + seeds):
        outcome = play(seed)
        tally.add(outcome)
        if digests:
            print(seed, outcome.digest, flush=True)
        if outcome.violations:
            print(complaint(outcome), flush=True)
        if time.monotonic() - said > 5:
            said = time.monotonic()
            print(f"{tally.seeds} of {seeds} seeds, {len(tally.broken)} broken", file=sys.stderr, flush=True)
    print(tally.line())
    recovery, slowest = tally.longest_recovery
    print(f"slowest to rest after the last fault: seed {slowest}, {recovery:.0f} simulated seconds")
    return 1 if tally.broken else 0


def main(arguments: list[str]) -> int:
    """Exit code 0 if no law was broken."""
    chosen = parsed(arguments)
    if chosen.seed is not None:
        return show_one(chosen.seed)
    return play_many(chosen.first, chosen.seeds, chosen.digests)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
