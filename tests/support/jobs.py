"""Jobs that other processes run. They leave their traces as lines of a file: ``event pid``."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import psycopg

from pg_scheduler import RetryPolicy, Snooze, current_job, task
from pg_scheduler.client.source import Library


def note(path: str, event: str) -> None:
    """Append a line. Short appends are atomic, so processes can share the file."""
    with Path(path).open("a") as file:
        file.write(f"{event} {os.getpid()}\n")


def notes(path: Path | str, event: str | None = None) -> list[int]:
    """The process ids that left `event` (None: any), in order."""
    file = Path(path)
    lines = file.read_text().splitlines() if file.exists() else []
    return [int(line.split()[1]) for line in lines if event in (None, line.split()[0])]


async def touch(path: str) -> None:
    """Leave a trace."""
    note(path, "ran")


async def nap(path: str, seconds: float) -> None:
    """Sleep, and tell how it ended."""
    note(path, "started")
    try:
        await asyncio.sleep(seconds)
        note(path, "ended")
    except asyncio.CancelledError:
        note(path, "cancelled")
        raise


async def die_once(path: str) -> None:
    """Kill the worker under the first attempt, complete in the second."""
    note(path, "started")
    if len(notes(path, "started")) == 1:
        os.kill(os.getpid(), signal.SIGKILL)


async def have_effect_and_complete(
    dsn: str, library: Library, what: str, before_commit: Callable[[], None]
) -> None:
    """Write a row and complete the job in one transaction."""
    if library == "asyncpg":
        connection = await asyncpg.connect(dsn)
        async with connection.transaction():
            await connection.execute("INSERT INTO effects VALUES ($1)", what)
            await current_job().complete_in(connection)
            before_commit()
        await connection.close()
    else:
        async with await psycopg.AsyncConnection.connect(dsn) as other:
            await other.execute("INSERT INTO effects VALUES (%s)", [what])
            await current_job().complete_in(other)
            before_commit()


async def commit_and_hang(path: str, dsn: str, library: Library) -> None:
    """Complete the job in a transaction, commit, and never return."""
    note(path, "started")
    await have_effect_and_complete(dsn, library, "committed and hung", lambda: None)
    note(path, "committed")
    await asyncio.sleep(3600)


async def die_before_commit(path: str, dsn: str, library: Library) -> None:
    """Kill the worker in front of the first commit; commit the second time."""

    def die_once_more() -> None:
        note(path, "about-to-commit")
        if len(notes(path, "about-to-commit")) == 1:
            os.kill(os.getpid(), signal.SIGKILL)

    await have_effect_and_complete(dsn, library, "died once", die_once_more)


async def interrupt(path: str) -> None:
    """Raise what a Ctrl-C would, though nobody pressed it."""
    note(path, "started")
    raise KeyboardInterrupt


async def exit_worker(path: str) -> None:
    """End the whole worker process without a word."""
    note(path, "started")
    os._exit(7)


async def freeze_until_released(path: str, gate: str) -> str:
    """Block the event loop, and with it everything but other threads, until the file `gate` exists."""
    note(path, "started")
    while not os.path.exists(gate):  # noqa: ASYNC240 - blocking is what this job is for
        time.sleep(0.02)  # noqa: ASYNC251
    note(path, "ended")
    return "late but done"


@task(executor="thread")
def patient_thread(path: str) -> None:
    """A thread that ends when told to."""
    note(path, "started")
    job = current_job()
    while not job.cancel_called:
        time.sleep(0.01)
    note(path, "told")


@task(executor="thread")
def deaf_thread(path: str) -> None:
    """A thread that no wish to stop reaches."""
    note(path, "started")
    threading.Event().wait()


@task(executor="process")
def square(number: int) -> int:
    """CPU work of the smallest size."""
    return number * number


@task(executor="process")
def squares_of(number: int) -> list[int]:
    """CPU work that is shared out to processes of its own."""
    with multiprocessing.get_context("fork").Pool(2) as pool:
        return pool.map(square, range(number))


@task(executor="process")
def children_told_to_end() -> list[int | None]:
    """How a process of its own ended that waits for ever, and then a program that does."""
    child = multiprocessing.get_context("fork").Process(target=threading.Event().wait)
    child.start()
    child.terminate()
    child.join(10)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as program:
        program.terminate()
        return [child.exitcode, program.wait(10)]


@task(executor="process")
def leave_behind(path: str) -> None:
    """Returns, and does not wait for the process that it started."""
    multiprocessing.get_context("fork").Process(target=spin, args=(path,)).start()


@task(executor="process")
def breed(path: str) -> None:
    """Waits for a process of its own, which never ends by itself."""
    child = multiprocessing.get_context("fork").Process(target=spin, args=(path,))
    child.start()
    note(path, "bred")
    child.join()


@task(executor="process")
def own_pid() -> int:
    """Which process runs this."""
    return os.getpid()


@task(executor="process")
def spin(path: str) -> None:
    """CPU work without end."""
    note(path, "started")
    while True:
        sum(range(10_000))


@task(executor="process")
def divide(number: int, by: int) -> float:
    """Raises ZeroDivisionError where it should."""
    return number / by


@task(executor="process")
def vanish(path: str) -> None:
    """The worker process ends in the middle of the job."""
    note(path, "started")
    os._exit(3)


@task(executor="process")
def unstorable() -> object:
    """Returns what JSON cannot carry."""
    return object()


@task(executor="process")
def crunch(path: str) -> str:
    """CPU work that ends when the file ``path.gate`` exists."""
    note(path, "started")
    while not Path(f"{path}.gate").exists():
        sum(range(10_000))
    return "crunched"


@task(executor="process", retry=RetryPolicy(base=timedelta(0), retry_on=(ZeroDivisionError,)))
def divide_patiently(path: str, number: int, by: int) -> float:
    """Worth another try only if it divides by zero."""
    note(path, "tried")
    return number / by


@task(executor="process")
def rest_first(path: str) -> str:
    """Asks to be run later, the first time."""
    note(path, "tried")
    if len(notes(path, "tried")) == 1:
        raise Snooze(timedelta(0))
    return "rested"


ALL = (
    touch, nap, die_once, exit_worker, freeze_until_released, patient_thread, deaf_thread,
    square, own_pid, spin, divide, vanish, unstorable, crunch,
    divide_patiently, rest_first, commit_and_hang, die_before_commit, interrupt,
)  # fmt: skip
"""What a worker process knows."""


@task(executor="process")
def tells_of_itself(gate: str) -> list[Any]:
    job = current_job()
    job.progress(1, 3)
    while not Path(gate).exists():
        time.sleep(0.01)
    for done in (1.5, 2, 2.5, 3):
        job.progress(done, 3)
    try:
        asyncio.run(job.complete_in(None))
        refused = ""
    except RuntimeError:
        refused = "no driver"
    threading.Timer(0.3, lambda: job.progress(0)).start()  # nobody listens any more
    return [job.job_id, job.attempt, job.max_retries, job.headers, refused]
