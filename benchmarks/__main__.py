"""``python -m benchmarks``: run parts, print their tables, write JSON if asked to."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import loop
from benchmarks.frame import Bench, Part, Table, joined
from benchmarks.parts import PARTS
from benchmarks.printing import as_json, as_text, machine, shown
from benchmarks.server import bench_server, prepare
from pg_scheduler.client.source import Library
from pg_scheduler_embedded import EmbeddedServer

LIBRARIES: tuple[Library, ...] = ("asyncpg", "psycopg")


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    listed = "; ".join(f"{part.name}: {part.summary}" for part in PARTS.values())
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("part", nargs="*", help=f"by default all but the peers. {listed}")
    parser.add_argument("--library", choices=(*LIBRARIES, "both"), default="both")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the usual repetitions and jobs")
    parser.add_argument("--rounds", type=int, metavar="N", help="measure N times in turns; the median counts")
    parser.add_argument("--full", action="store_true", help="tables of a million rows, drains of 200,000")
    parser.add_argument("--profile", metavar="FILE", help="cProfile statistics of the worker drained last")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    chosen = parser.parse_args(arguments)
    for name in chosen.part:
        if name not in PARTS:
            parser.error(f"no part {name!r}; there are: {', '.join(PARTS)}")
    return chosen


async def run(
    parts: Sequence[Part], libraries: Sequence[Library], chosen: argparse.Namespace, server: EmbeddedServer
) -> dict[str, list[Table]]:
    """Every part with every library, one after the other; its tables are printed when it is done."""
    await prepare(server)
    found: dict[str, list[Table]] = {}
    for part in parts:
        tables: list[tuple[str, Table]] = []
        for library in libraries[:1] if part.once else libraries:
            print(f"measuring {part.name} with {library} ...", file=sys.stderr)
            bench = Bench(server, library, chosen.scale, chosen.full, chosen.profile, chosen.rounds)
            tables += [(library, table) for table in await part.measure(bench)]
        found[part.name] = joined(tables)
        for table in found[part.name]:
            print(as_text(table), end="\n\n")
        print(part.reading, end="\n\n", flush=True)
    return found


def main(arguments: Sequence[str]) -> int:
    """Measure what the command line names."""
    chosen = parsed(arguments)
    named = chosen.part or [part.name for part in PARTS.values() if part.by_default]
    parts = [PARTS[name] for name in named]
    libraries = LIBRARIES if chosen.library == "both" else (chosen.library,)
    with bench_server() as server:
        on = machine(server.version)
        print("  ".join(f"{name}: {shown(value)}" for name, value in on.items()), end="\n\n", flush=True)
        found = loop.run(run(parts, libraries, chosen, server))
    if chosen.json is not None:
        chosen.json.write_text(as_json(found, on, chosen.scale))
    return 0


if __name__ == "__main__":
    # A polite end is an end like Ctrl-C: the server is stopped and its data removed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
