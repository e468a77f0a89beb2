"""Other queues on PostgreSQL, each in an environment of its own. The modules of this folder are run by the
peers' interpreters, so what they share needs the standard library only."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.peers.environments import Environment, Node, Python, Unavailable, run


@dataclass(frozen=True, slots=True)
class Peer:
    """One of them."""

    name: str
    environment: Environment
    program: str
    """What is started with settings as JSON. The setting "role" says what it does: "load" stores so many
    no-op jobs in tables that it has made itself; "check" does nothing; "drain", "single", "bulk", "pickup"
    and "send" are workers (see `benchmarks.progress`)."""
    settings: str
    """What was chosen for throughput."""
    fewer: int = 1
    """It gets so many times fewer jobs, where it is much slower."""
    wakes: bool = False
    """Whether it has the roles "pickup" and "send", for the time until an idle worker starts a job."""


@dataclass(frozen=True, slots=True)
class Installed:
    """A peer that can be started."""

    peer: Peer
    version: str
    command: tuple[str, ...]

    @property
    def name(self) -> str:
        """With the version."""
        return f"{self.peer.name} {self.version}"

    def jobs(self, usual: int) -> int:
        """How many jobs it gets."""
        return max(1, usual // self.peer.fewer)

    async def load(self, dsn: str, jobs: int, listen: bool = False) -> None:
        """So many no-op jobs are stored, by the peer's own means, in tables that it has made itself; and
        workers are to hear of new ones, where that is a choice.

        Raises:
            Unavailable: its program failed.
        """
        settings: dict[str, Any] = {"role": "load", "dsn": dsn, "jobs": jobs, "listen": listen}
        await run(*self.command, json.dumps(settings))


PGQUEUER = Peer(
    name="PgQueuer",
    environment=Python(("pgqueuer[asyncpg]", "uvloop")),
    program="pgqueuer_worker",
    settings="asyncpg pool, batch_size 500",
)
PROCRASTINATE = Peer(
    name="Procrastinate",
    environment=Python(("procrastinate", "psycopg[binary,pool]", "uvloop")),
    program="procrastinate_worker",
    settings="psycopg pool of 20, concurrency 20",
    fewer=10,
)
GRAPHILE = Peer(
    name="graphile-worker",
    environment=Node(("graphile-worker@0.18", "pg@8")),
    program="graphile_worker.mjs",
    settings="concurrentJobs 24, localQueue 500, batch delays 0",
    wakes=True,
)
PG_BOSS = Peer(
    name="pg-boss",
    environment=Node(("pg-boss@12",)),
    program="pg_boss_worker.mjs",
    settings="two loops, fetch of 500, complete of 500",
    wakes=True,
)
PEERS = (GRAPHILE, PG_BOSS, PGQUEUER, PROCRASTINATE)


async def at_hand(peers: Sequence[Peer] = PEERS) -> tuple[list[Installed], dict[str, str]]:
    """Those that can be started, installed at the first call, and why the others cannot."""
    found, missing = list[Installed](), dict[str, str]()
    for peer in peers:
        try:
            version = await peer.environment.prepare(peer.name)
            command = peer.environment.command(peer.name, peer.program)
            await run(*command, json.dumps({"role": "check"}))
        except Unavailable as reason:
            print(f"without {peer.name}: {reason}", file=sys.stderr)
            missing[peer.name] = str(reason)
        else:
            found.append(Installed(peer, version, command))
    return found, missing
