"""The processes of the demo, and their state."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import TypeVar

from pg_scheduler_cli.demo.events import Event
from pg_scheduler_cli.demo.processes import Child
from pg_scheduler_cli.demo.screen import Screen

_T = TypeVar("_T")


class DemoFailed(Exception):
    """The demo itself could not continue; the message says why."""


class Stage:
    """Starts processes, keeps track of who runs what, and stops all processes when the block is left."""

    def __init__(self, screen: Screen) -> None:
        self.screen = screen
        self.worker_ids: dict[str, str] = {}
        """Of the workers that are ready, by name."""
        self.runs: dict[str, str] = {}
        """Job id to the name of the worker that started it last."""
        self.dsn = ""
        self.page = ""
        """Where the dashboard is, or how it could be had; once it is known."""
        self._children: dict[str, Child] = {}
        self._killed: set[str] = set()
        self._news = asyncio.Event()
        self._trouble = ""

    def say(self, what: str, job: str = "", note: str = "") -> None:
        """Show an event of the demo itself."""
        self.screen.show(Event("demo", what, job, note))

    def start(self, name: str, module: str, *arguments: str) -> Child:
        """Start a process."""
        child = self._children[name] = Child(name, module, arguments, self._heard, self._ended)
        return child

    def kill(self, name: str) -> None:
        """Kill a process, so that it cannot shut down in order."""
        self._killed.add(name)
        self._children[name].kill()

    async def wait_for(self, question: Callable[[], _T | None], what: str, seconds: float = 30) -> _T:
        """The first true result of `question`, which is called again after each event.

        Raises:
            DemoFailed: there was none in time, or a process ended unexpectedly.
        """
        try:
            async with asyncio.timeout(seconds):
                while not (answer := question()):
                    if self._trouble:
                        raise DemoFailed(self._trouble)
                    self._news.clear()
                    await self._news.wait()
                return answer
        except TimeoutError:
            raise DemoFailed(f"waited {seconds:g} s for {what}, without success") from None

    def _heard(self, child: Child, line: str) -> None:
        event = Event.heard(line) or Event(child.name, "says", note=line.rstrip())
        match event.what:
            case "ready" if child.name == "server":
                self.dsn = event.note
            case "opens" | "is missing" if child.name == "page":
                self.page = event.note
            case "ready":
                self.worker_ids[child.name] = event.job
            case "started":
                self.runs[event.job] = child.name
        for name, worker_id in self.worker_ids.items():
            if event.what == "recovered" and worker_id in event.note:
                event = Event(event.who, event.what, event.job, f"from {name}, silent for 3 s", at=event.at)
        self.screen.show(event)
        self._news.set()

    def _ended(self, child: Child) -> None:
        if child.exit_code and not child.dismissed:
            self._trouble = f"{child.name} ended by itself with exit code {child.exit_code}"
        elif child.name in self._killed:
            self.screen.show(Event(child.name, "is dead", note="killed, without any notice"))
        self._news.set()

    async def __aenter__(self) -> Stage:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        server = self._children.pop("server", None)
        for child in self._children.values():
            child.dismiss()
        for child in self._children.values():
            await child.wait_gone()
        if server is not None:  # last, so that the workers can deregister
            server.dismiss()
            await server.wait_gone()
