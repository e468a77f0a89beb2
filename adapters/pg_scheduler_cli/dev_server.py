"""A PostgreSQL server in a process of its own, which ends with this one, however that ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from pg_scheduler_cli.demo.events import Event
from pg_scheduler_cli.demo.processes import Child
from pg_scheduler_cli.errors import Failure
from pg_scheduler_embedded import find_binaries


@dataclass(frozen=True, slots=True)
class OwnServer:
    """One that runs."""

    dsn: str
    version: str


@asynccontextmanager
async def own_server(stop: asyncio.Event) -> AsyncIterator[OwnServer | None]:
    """A server for as long as the block lasts; its data are gone afterwards. None if `stop` came first.

    Raises:
        MissingDependency: there is no PostgreSQL to start.
        Failure: it did not start.
    """
    find_binaries()
    ready: asyncio.Future[OwnServer] = asyncio.get_running_loop().create_future()

    def heard(_: Child, line: str) -> None:
        event = Event.heard(line)
        if event is not None and not ready.done():
            ready.set_result(OwnServer(event.note, event.job))

    def ended(child: Child) -> None:
        if not ready.done():
            ready.set_exception(Failure(f"the PostgreSQL server did not start (exit code {child.exit_code})"))

    child = Child("server", "server", (), heard, ended)
    stopped = asyncio.ensure_future(stop.wait())
    try:
        either: set[asyncio.Future[Any]] = {ready, stopped}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        yield ready.result() if ready.done() else None
    finally:
        stopped.cancel()
        child.dismiss()
        await child.wait_gone()
