"""``pgq run --processes``: keeps several worker processes running."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path

from pg_scheduler.process.signals import LAST_PATIENCE, StopSignals
from pg_scheduler_cli.child import ORDERLY, Child, exit_code_of
from pg_scheduler_cli.errors import EXIT_FAILED
from pg_scheduler_cli.health_server import HealthServer
from pg_scheduler_cli.serving import stop_signals
from pg_scheduler_cli.tracebacks import EXIT_APP_FAILED
from pg_scheduler_cli.worker_pages import pages_of_children

log = logging.getLogger("pg_scheduler.cli.children")

FIRST_DELAY, LONGEST_DELAY = 0.5, 30.0
"""Seconds before a process that died is replaced: doubled with each death."""
LONG_LIFE = 60.0
"""A process that ran for this many seconds resets the delay."""
KILL_PATIENCE = 2 * LAST_PATIENCE
"""Seconds after the grace period in which a process can end itself, even if its event loop is blocked."""
FAILED_STARTS = 10
"""After this many failed starts in a row the parent gives up."""


def keep_running(
    command: Sequence[str], count: int, drain: bool, grace: float, health_port: int | None = None
) -> int:
    """Run `command` in `count` processes until a signal arrives or, with `drain`, until each has ended with
    exit code 0. A process that is still there long after its `grace` (seconds) is killed. Returns the exit
    code: 0 after an orderly shutdown, else that of the process that failed. At `health_port` it answers for
    all of them.

    Raises:
        Failure: the port is taken.
    """
    if health_port is None:
        return asyncio.run(_Crew(command, count, drain, grace).run())
    with tempfile.TemporaryDirectory(prefix="pgq-") as folder:
        crew = _Crew(command, count, drain, grace, Path(folder))
        with HealthServer(pages_of_children(crew.sockets), port=health_port) as server:
            log.info("health port: %d", server.port)
            return asyncio.run(crew.run())


class _Crew:
    def __init__(
        self, command: Sequence[str], count: int, drain: bool, grace: float, folder: Path | None = None
    ) -> None:
        self._command = command
        self._count = count
        self._drain = drain
        self._grace = grace
        self._folder = folder
        """Where children are asked how they are; None: nobody asks."""
        self._children: set[Child] = set()
        self._proven = asyncio.Event()
        """Set once a process has become ready: from then on a process that dies is replaced."""
        self._exit_code = 0

    def sockets(self) -> dict[str, Path]:
        """Where each child can be asked, by its place. From any thread."""
        if self._folder is None:
            return {}
        return {str(place): self._folder / f"{place}.sock" for place in range(self._count)}

    def _command_of(self, place: int) -> Sequence[str]:
        if self._folder is None:
            return self._command
        *options, end, path = self._command
        return [*options, "--health-socket", str(self.sockets()[str(place)]), end, path]

    async def run(self) -> int:
        with StopSignals(stop_signals()) as self._signals:
            passing_on = asyncio.create_task(self._pass_signals_on())
            # Only one process at first, so that an error in the program is reported once.
            slots = [asyncio.create_task(self._keep_one(0))]
            trial = asyncio.create_task(self._proven.wait())
            await asyncio.wait([trial, *slots], return_when=asyncio.FIRST_COMPLETED)
            if self._proven.is_set():
                slots += [asyncio.create_task(self._keep_one(place)) for place in range(1, self._count)]
            trial.cancel()
            await asyncio.gather(*slots)
            passing_on.cancel()
        return self._exit_code

    async def _keep_one(self, place: int) -> None:
        """Keep one process running: replace it whenever it dies."""
        deaths = failed_starts = 0
        while not self._signals.stop_requested.is_set():
            ready, code, lived = await self._live(place)
            failed_starts = 0 if ready else failed_starts + 1
            deaths = 1 if lived > LONG_LIFE else deaths + 1
            if self._ends_with(code, ready, failed_starts):
                return
            delay = min(FIRST_DELAY * 2 ** (deaths - 1), LONGEST_DELAY)
            log.warning(
                "a worker process ended with exit code %s; starting another one in %g s",
                code,
                delay,
                extra={"exit_code": code, "delay": delay},
            )
            await self._sleep(delay)

    async def _live(self, place: int) -> tuple[bool, int, float]:
        """Start a process and wait for its end. Returns whether it became ready, exit code, seconds."""
        try:
            child = await Child.start(self._command_of(place))
        except OSError as error:
            log.error("cannot start a worker process: %s", error, extra={"error": str(error)})
            return False, EXIT_APP_FAILED, 0.0
        self._children.add(child)
        if self._signals.stop_requested.is_set():
            child.stop()  # the signal arrived while it was being started
        try:
            ready = await child.became_ready()
            if ready:
                log.info("a worker process is ready (pid %d)", child.pid, extra={"pid": child.pid})
                self._proven.set()
            code = await child.gone()
        finally:
            self._children.discard(child)
        return ready, code, asyncio.get_running_loop().time() - child.born

    def _ends_with(self, code: int, ready: bool, failed_starts: int) -> bool:
        """True if this process is not to be replaced; its exit code is then recorded."""
        if self._signals.stop_requested.is_set():
            if code not in ORDERLY:
                self._fail(exit_code_of(code))
            return True
        if self._drain and code == 0:
            self._proven.set()
            return True
        if code == EXIT_FAILED or not (ready or self._proven.is_set()) or failed_starts >= FAILED_STARTS:
            log.error(
                "giving up: a worker process failed to start (exit code %s)", code, extra={"exit_code": code}
            )
            self._fail(exit_code_of(code) or EXIT_APP_FAILED)
            self._signals.ask()
            return True
        return False

    def _fail(self, code: int) -> None:
        self._exit_code = self._exit_code or code

    async def _sleep(self, delay: float) -> None:
        try:
            async with asyncio.timeout(delay):
                await self._signals.stop_requested.wait()
        except TimeoutError:
            pass

    async def _pass_signals_on(self) -> None:
        await self._signals.stop_requested.wait()
        for child in self._children:
            child.stop()
        await asyncio.gather(self._pass_force_on(), self._kill_late())

    async def _pass_force_on(self) -> None:
        await self._signals.force_requested.wait()
        for child in self._children:
            child.force_stop()

    async def _kill_late(self) -> None:
        await asyncio.sleep(self._grace + KILL_PATIENCE)
        for child in self._children:
            log.error("worker process %d does not end; killing it", child.pid, extra={"pid": child.pid})
            child.kill()
