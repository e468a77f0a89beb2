"""Running an example's programs as its reader would."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"


def environment(dsn: str) -> dict[str, str]:
    """With the database in the variables that libpq knows, and as a connection string."""
    where = psycopg.conninfo.conninfo_to_dict(dsn)
    names = {"PGHOST": "host", "PGPORT": "port", "PGUSER": "user", "PGDATABASE": "dbname"}
    found = {variable: str(where.get(name) or "") for variable, name in names.items()}
    path = os.pathsep.join((str(ROOT), str(ROOT / "adapters")))
    return {**os.environ, **found, "DATABASE_URL": dsn, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}


def said(example: str, dsn: str, *words: str) -> str:
    """What a program of the example says, which must end well."""
    done = subprocess.run(
        [sys.executable, *words], cwd=EXAMPLES / example, env=environment(dsn), capture_output=True, text=True
    )
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


@contextmanager
def running(example: str, dsn: str, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """A program of the example, until the block ends; it must then end well, at SIGTERM."""
    process = subprocess.Popen(
        [sys.executable, *words],
        cwd=EXAMPLES / example,
        env=environment(dsn),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        yield process
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)
    finally:
        if process.poll() is None:
            process.kill()
        output = process.communicate()[0].decode()
        print(output)


def free_port() -> int:
    """One that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def get(url: str, data: bytes | None = None) -> str:
    """What a page says; it may take a while until somebody serves it."""
    deadline = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(url, data=data, timeout=30) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError:
            raise
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
