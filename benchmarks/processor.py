"""Processor time of other processes, where the system tells it (/proc)."""

from __future__ import annotations

import os
from pathlib import Path

import asyncpg

_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


def process_seconds(pid: int) -> float | None:
    """User and system seconds of a process so far; None where the system does not tell."""
    fields = _stat(pid)
    return None if fields is None else (int(fields[11]) + int(fields[12])) / _TICKS


async def server_seconds(dsn: str) -> float | None:
    """User and system seconds of all processes of a server on this machine, ended ones included."""
    connection = await asyncpg.connect(dsn)
    try:
        fields = _stat(await connection.fetchval("SELECT pg_backend_pid()"))
        return None if fields is None else _family_seconds(int(fields[1]))
    finally:
        await connection.close()


def _family_seconds(parent: int) -> float | None:
    own = _stat(parent)
    if own is None:
        return None
    ticks = sum(int(own[place]) for place in (11, 12, 13, 14))  # its own, and of children that ended
    for entry in Path("/proc").iterdir():
        fields = _stat(int(entry.name)) if entry.name.isdigit() else None
        if fields is not None and int(fields[1]) == parent:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / _TICKS


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat after the name, which may hold spaces: state, parent, ..."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
