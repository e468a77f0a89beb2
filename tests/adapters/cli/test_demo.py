"""The demo, as a stranger runs it."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import httpx
import psutil
import pytest

from pg_scheduler import Scheduler
from pg_scheduler_cli.demo.findings import report
from pg_scheduler_cli.demo.screen import Screen
from tests.adapters.cli.conftest import Pgq
from tests.support.ignored_signals import ignoring
from tests.support.running import eventually

PATIENCE = 100


@dataclass(frozen=True)
class Demo:
    """The demo in a process group, as in a terminal, with a temporary folder of its own."""

    folder: Path
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)

    def start(self, *options: str) -> subprocess.Popen[str]:
        """Begin; stdout can be read line by line."""
        return subprocess.Popen(
            [sys.executable, "-m", "pg_scheduler_cli.demo", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "TMPDIR": str(self.folder), "DEMO_MARK": self.mark},
            start_new_session=True,
        )

    def left_behind(self) -> list[str]:
        """Files, and processes: their environment tells; of PostgreSQL's, their data folder."""
        found = [entry.name for entry in self.folder.iterdir()]
        for process in psutil.process_iter():
            try:
                ours = process.environ().get("DEMO_MARK") == self.mark
                command = " ".join(process.cmdline())
            except psutil.Error:
                continue
            if ours or str(self.folder) in command:
                found.append(command)
        return found


@pytest.fixture
def demo() -> Iterator[Demo]:
    """A demo in a folder that an unprivileged PostgreSQL can reach, short as a socket's path must be."""
    with tempfile.TemporaryDirectory(prefix="demo-") as name:
        yield Demo(Path(name))


def until(running: subprocess.Popen[str], pattern: str) -> str:
    """What it printed up to the first line that matches."""
    assert running.stdout is not None
    said = ""
    for line in running.stdout:
        said += line
        if re.search(pattern, line):
            return said
    raise AssertionError(f"ended without {pattern!r}:\n{said}")


EVENTS = (
    r"server +ready +PostgreSQL \d+",
    r"(ada|edsger|grace) +ready",
    r"completed +greeting",
    r"will retry +payment +ConnectionError.*again in 0.5 s",
    r"started +payment +attempt 3",
    r"failed +parcel +ValueError",
    r"demo +cancels +import",
    r"cancelled +import",
    r"completed +photo",
    r"completed +primes",
    r"completed +invoice",
    r"completed +newsletters +300 by now",
    r"commits +order-1",
    r"rolls back +order-2",
    r"started +reminder-20",
    r"started +critical-4",
    r"started +low-4",
    r"kills +report +SIGKILL to (ada|edsger|grace)",
    r"recovered +report +from (ada|edsger|grace)",
    r"started +report +attempt 2",
    r"completed +report",
)


@pytest.mark.slow
async def test_the_demo_shows_everything_and_leaves_nothing_behind(demo: Demo) -> None:
    with demo.start() as playing:
        said, _ = playing.communicate(timeout=PATIENCE)
    assert playing.returncode == 0, said
    assert [event for event in EVENTS if not re.search(event, said)] == []
    assert not re.search(r"(started|completed) +order-2", said), "it was rolled back"
    assert "\x1b" not in said, "no colours where nobody sees them"
    assert re.search(r"343 completed, 1 (cancelled|failed), .*3 retries, \d recovered", said)
    assert re.search(r"p50 [\d.]+ ms, p99 [\d.]+ ms", said)
    assert (said.count("  ok  "), said.count("NOT")) == (13, 0)
    assert "Every expectation held" in said
    await eventually(lambda: not demo.left_behind())


@pytest.mark.slow
async def test_a_kept_demo_can_be_looked_at_until_ctrl_c(demo: Demo, lone_pgq: Pgq) -> None:
    """Under nohup, so it outlives its terminal."""
    with ignoring(signal.SIGHUP):
        playing = demo.start("--keep")
    with playing:
        said = await asyncio.to_thread(until, playing, "Ctrl-C ends everything")
        os.killpg(playing.pid, signal.SIGHUP)
        command = re.search(r"pgq (db status --dsn \S+)", said)
        assert command is not None
        looked = await lone_pgq(*command[1].split())
        assert (looked.code, "current" in looked.out) == (0, True)
        link = re.search(r"http://127\.0\.0\.1:\d+/\?token=\S+", said)
        assert link is not None
        async with httpx.AsyncClient(base_url=link[0].partition("?")[0]) as client:
            assert (await client.get(link[0])).status_code == 200
            assert "parcel" in (await client.get("/jobs?status=failed")).text
        os.killpg(playing.pid, signal.SIGINT)
        playing.communicate(timeout=PATIENCE)
    assert playing.returncode == 0
    await eventually(lambda: not demo.left_behind())


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["starts +PostgreSQL", "started +import"])
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -signal.SIGKILL)]
)
async def test_a_signal_in_the_middle_leaves_nothing_behind(
    demo: Demo, moment: str, number: signal.Signals, code: int
) -> None:
    with demo.start() as playing:
        await asyncio.to_thread(until, playing, moment)
        assert demo.left_behind(), "the control: there is something to be left"
        os.killpg(playing.pid, number)
        said, _ = playing.communicate(timeout=PATIENCE)
    assert playing.returncode == code
    assert "Traceback" not in said
    await eventually(lambda: not demo.left_behind())


async def test_expectations_that_do_not_hold_are_said_plainly(
    dsn: str, sql: asyncpg.Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    scheduler = Scheduler(dsn)
    await scheduler.initialize_db()
    await scheduler.shutdown()
    await sql.execute("CREATE TABLE orders (id integer)")
    held = await report(dsn, Screen(on_closed=lambda: None), "nobody", {})
    said = capsys.readouterr().out
    assert held is False
    assert (said.count("NOT ok"), said.count("  ok  ")) == (12, 1), "only: nothing is unfinished"
