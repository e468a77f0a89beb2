"""Other queues for Python on PostgreSQL, each in an environment of its own. The modules of this folder are
run by the peers' interpreters, so what they share needs the standard library only."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Peer:
    """One of them."""

    name: str
    packages: tuple[str, ...]
    worker: str
    """Module that drains (see `benchmarks.progress`), or loads if its settings say so."""
    settings: str
    """What was chosen for throughput."""
    fewer: int = 1
    """It gets so many times fewer jobs, where it is much slower."""


PEERS = (
    Peer(
        "PgQueuer",
        ("pgqueuer[asyncpg]", "uvloop"),
        "benchmarks.peers.pgqueuer_worker",
        "asyncpg pool, batch_size 500",
    ),
    Peer(
        "Procrastinate",
        ("procrastinate", "psycopg[binary,pool]", "uvloop"),
        "benchmarks.peers.procrastinate_worker",
        "psycopg pool of 20, concurrency 20",
        fewer=10,
    ),
)


async def environment_of(peer: Peer) -> str:
    """The interpreter of the peer's environment, made and filled at the first call.

    Raises:
        RuntimeError: it cannot be installed.
    """
    folder = Path(tempfile.gettempdir()) / "pg_scheduler_peers" / peer.name.lower()
    python, ready = folder / "bin" / "python", folder / "ready"
    if not ready.exists():
        print(f"installing {peer.name} ...", file=sys.stderr)
        await _run(sys.executable, "-m", "venv", str(folder))
        await _run(str(python), "-m", "pip", "install", "--quiet", *peer.packages)
        ready.touch()
    return str(python)


async def load(peer: Peer, python: str, settings: dict[str, Any]) -> None:
    """So many no-op jobs are stored, by the peer's own means, in tables that it has made itself."""
    await _run(python, "-m", peer.worker, json.dumps({**settings, "load": True}))


async def _run(*command: str) -> None:
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.DEVNULL)
    if await process.wait():
        raise RuntimeError(f"failed: {' '.join(command[:4])}")
