"""Applications for `pgq run`, as files of a user's folder; and such a `pgq run` while it runs."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from types import TracebackType

from pg_scheduler.client.source import Library
from tests.support.running import PATIENCE, eventually, within

PGQ = Path(sys.executable).with_name("pgq")
OURS = ("DATABASE_URL", "PG_SCHEDULER_DSN", "PG_SCHEDULER_READ_DSN", "PGQ_DEBUG")
"""Variables of whoever runs the tests that commands must not see."""

SHOP = '''
import asyncio
import os
from pathlib import Path

from pg_scheduler import PgQueuer, Scheduler
from pg_scheduler.models import Job


def note(event):
    """Append a line to the notes of the test."""
    with Path("notes").open("a") as file:
        file.write(f"{event} {os.getpid()}\\n")


def app(source=None):
    pgq = PgQueuer(source or os.environ["SHOP_DSN"], library=os.environ.get("SHOP_LIBRARY"))

    @pgq.entrypoint("mail")
    async def mail(job: Job) -> None:
        note(f"mail:{job.payload.decode()}")

    @pgq.entrypoint("bill")
    async def bill(job: Job) -> None:
        note(f"bill:{job.payload.decode()}")

    @pgq.entrypoint("nap")
    async def nap(job: Job) -> None:
        note("napping")
        try:
            await asyncio.sleep(float(job.payload or 0))
            while not job.payload and not Path("morning").exists():
                await asyncio.sleep(0.02)
            note("woke")
        except asyncio.CancelledError:
            note("disturbed")
            raise

    @pgq.schedule("tick", "0 0 29 2 *")
    async def tick(schedule) -> None:
        note("tick")

    return pgq


async def main():
    return app()
'''
"""``shop.py``: entrypoints that leave notes, a schedule, and a coroutine that makes it all. No window of the
schedule opens in the middle of a test, unless that is played at the end of a 28th of February."""


class Shop:
    """A folder with an application, and `pgq run` in it."""

    def __init__(self, folder: Path, dsn: str, library: Library) -> None:
        self.folder = folder
        self._environment = {"SHOP_DSN": dsn, "SHOP_LIBRARY": library}
        self.write("shop", SHOP)

    def write(self, module: str, text: str) -> None:
        """Write a module, its folder being that of a package where its name has dots."""
        file = self.folder / f"{module.replace('.', '/')}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    @property
    def notes(self) -> list[str]:
        """What the jobs have noted, in order."""
        return [line.split()[0] for line in self._lines()]

    def wake_all(self) -> None:
        """End the naps that were given no length."""
        (self.folder / "morning").touch()

    def pids(self) -> set[int]:
        """The processes that have noted something."""
        return {int(line.split()[1]) for line in self._lines()}

    def _lines(self) -> list[str]:
        file = self.folder / "notes"
        return file.read_text().splitlines() if file.exists() else []

    def run(self, *arguments: str, **environment: str) -> Run:
        """`pgq run` in the folder, as a block; killed when the block is left."""
        return Run(["run", *arguments], self.folder, self._environment | environment)

    def worker(self, *arguments: str, **environment: str) -> Run:
        """As `run`, and it works when the block is entered."""
        return Run(["run", *arguments], self.folder, self._environment | environment, wait_ready=True)


class Run:
    """A `pgq run` that goes on beside the test."""

    def __init__(
        self, arguments: list[str], folder: Path, environment: dict[str, str], wait_ready: bool = False
    ) -> None:
        self._wait_ready = wait_ready
        self._arguments = arguments
        self._folder = folder
        self._environment = environment
        self.err = ""

    async def __aenter__(self) -> Run:
        inherited = {key: value for key, value in os.environ.items() if key not in OURS}
        self.process = await asyncio.create_subprocess_exec(
            PGQ, *self._arguments, cwd=self._folder, env=inherited | self._environment,
            stdin=asyncio.subprocess.DEVNULL, stdout=sys.stderr, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        self._reading = asyncio.create_task(self._read())
        if self._wait_ready:
            await self.said("worker started")
        return self

    async def _read(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            self.err += line.decode()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            sys.stderr.write(self.err)
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()
        self._reading.cancel()

    async def said(self, text: str, times: int = 1) -> None:
        """Wait until this stands in the log."""

        def there() -> bool:
            assert self.process.returncode is None or self.err.count(text) >= times, self.err
            return self.err.count(text) >= times

        await eventually(there)

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    async def ended(self, timeout: float = PATIENCE) -> int:
        """Wait for its end; the exit code."""
        code = await within(self.process.wait(), timeout)
        await within(asyncio.wait({self._reading}), timeout)
        return code
