"""Running until a signal says stop."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext
from typing import Any

log: logging.Logger = logging.getLogger("pg_scheduler.process.signals")

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)

LAST_PATIENCE = 30.0
"""Seconds that a process has to respond after its grace period: an event loop that is blocked for longer can
neither shut down nor give its jobs back."""
LOOK_AGAIN = 1.0
"""Seconds between looks at a loop that responds."""


class StopSignals:
    """SIGTERM and SIGINT while the block is entered: the first requests a stop (`stop_requested`), a
    second one forces it (`force_requested`). What handled them before does so again after the block.

    `second_forces` may be False where somebody else counts the signals. With a `grace` in seconds the process
    is ended by force (exit code 1) if its event loop is blocked that long after a signal, and `LAST_PATIENCE`
    more.
    """

    def __init__(
        self,
        numbers: Sequence[signal.Signals] = STOP_SIGNALS,
        *,
        second_forces: bool = True,
        grace: float | None = None,
    ) -> None:
        self.stop_requested: asyncio.Event = asyncio.Event()
        self.force_requested: asyncio.Event = asyncio.Event()
        self._numbers = numbers
        self._second_forces = second_forces
        self._handled: dict[signal.Signals, Any] = {}
        self._grace = grace
        self._loop: asyncio.AbstractEventLoop | None = None
        self._left = threading.Event()
        self._deadline: threading.Thread | None = None

    def end_in_time(self) -> None:
        """A stop has been asked for: see to it that a blocked event loop does not prevent it. Legal twice,
        and from any thread."""
        if self._grace is None or self._loop is None or self._deadline is not None:
            return
        self._deadline = threading.Thread(
            target=self._end_if_blocked, args=(self._loop, self._grace), name="deadline", daemon=True
        )
        self._deadline.start()

    def _end_if_blocked(self, loop: asyncio.AbstractEventLoop, grace: float) -> None:
        pause = grace
        while not self._left.wait(pause):
            responded = threading.Event()
            try:
                loop.call_soon_threadsafe(responded.set)
            except RuntimeError:
                return  # the loop is closed
            if not responded.wait(LAST_PATIENCE) and not self._left.is_set():
                log.error(
                    "the event loop is blocked: the process is ended by force; "
                    "its jobs are recovered when their leases expire"
                )
                os._exit(1)
            pause = LOOK_AGAIN

    def ask(self) -> None:
        """As the first signal. Legal twice."""
        if not self.stop_requested.is_set():
            log.info("stop signal received: waiting for running jobs")
            self.stop_requested.set()

    def force_stop(self) -> None:
        """As the second signal. Legal twice."""
        self.ask()
        if not self.force_requested.is_set():
            log.warning("second stop signal received: releasing running jobs now")
            self.force_requested.set()

    def _on_signal(self) -> None:
        if self.stop_requested.is_set() and self._second_forces:
            self.force_stop()
        else:
            self.ask()

    def __enter__(self) -> StopSignals:
        self._loop = loop = asyncio.get_running_loop()
        for number in self._numbers:
            before = signal.getsignal(number)
            try:
                loop.add_signal_handler(number, self._on_signal)
            except (NotImplementedError, RuntimeError, ValueError):
                continue  # not the main thread, or a platform without: then signals stay as they are
            self._handled[number] = before
            self._hear_it_though_blocked(number)
        return self

    def _hear_it_though_blocked(self, number: signal.Signals) -> None:
        """The loop hears of a signal when it turns; Python's own handler is called at once."""
        of_loop = signal.getsignal(number)

        def heard(number: int, frame: Any) -> None:
            self.end_in_time()
            if callable(of_loop):
                of_loop(number, frame)

        signal.signal(number, heard)
        signal.siginterrupt(number, False)

    def __exit__(self, *error: object) -> None:
        self._left.set()
        loop = asyncio.get_running_loop()
        for number, before in self._handled.items():
            loop.remove_signal_handler(number)
            # None: it was not Python that set it, so Python cannot set it again.
            signal.signal(number, signal.SIG_DFL if before is None else before)
        self._handled.clear()


async def run_until_signalled(
    start: Callable[[], Awaitable[None]],
    shutdown: Callable[[float | None], Awaitable[None]],
    grace: float | None,
    *,
    until: Callable[[], Awaitable[None]] | None = None,
    signals: StopSignals | None = None,
) -> None:
    """Start, wait for SIGTERM or SIGINT, shut down within `grace`; a second signal releases at once. A
    process whose event loop is blocked is ended by force, see `StopSignals`.

    Args:
        until: also ends the wait.
        signals: entered already, by a caller who has been listening for longer.
    """
    with StopSignals(grace=grace) if signals is None else nullcontext(signals) as heard:
        await start()
        waits = [asyncio.ensure_future(heard.stop_requested.wait())]
        if until is not None:
            waits.append(asyncio.ensure_future(until()))  # type: ignore[arg-type]
        force_stop: asyncio.Task[None] | None = None
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            force_stop = asyncio.create_task(_force_stop(heard.force_requested, shutdown))
            try:
                await shutdown(grace)
            finally:
                force_stop.cancel()
        if waits[-1].done() and not waits[-1].cancelled():
            waits[-1].result()


async def _force_stop(
    force_requested: asyncio.Event, shutdown: Callable[[float | None], Awaitable[None]]
) -> None:
    await force_requested.wait()
    await shutdown(0)
