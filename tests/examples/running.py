"""Running an example's programs as its reader would."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import psycopg

from pg_scheduler_embedded import EmbeddedServer

_T = TypeVar("_T")

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"
PGQ = ("-m", "pg_scheduler_cli")


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
    """A program of the example, until the block ends; then it is told to end, and must do so."""
    with tempfile.TemporaryFile() as said_so_far:
        process = subprocess.Popen(
            [sys.executable, *words],
            cwd=EXAMPLES / example,
            env=environment(dsn),
            stdout=said_so_far,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield process
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=20)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # its children too
            process.wait()
            said_so_far.seek(0)
            print(said_so_far.read().decode())


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


def eventually_true(what: Callable[[], bool]) -> None:
    """Return when `what` is true; a minute is far above what anything takes."""
    deadline = time.monotonic() + 60
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def got_after_a_restart(
    database: EmbeddedServer, request: Callable[[int], _T], errors: int, requests: int = 8
) -> list[_T]:
    """What requests answer after the database was restarted between them and the one before: at most so many
    may be answered by an error."""
    database.restart()
    answers: list[_T] = []
    failed = 0
    for number in range(1, requests + 1):
        try:
            answers.append(request(number))
        except urllib.error.HTTPError as error:
            print(error, error.read().decode()[-2000:])
            failed += 1
    assert failed <= errors
    return answers
