"""Applications that `pgq run` runs side by side in one process, each on a database of its own."""

from __future__ import annotations

import asyncio
import logging
import random
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from pg_scheduler.domain.errors import ConnectionLost, ReadOnlyServer, TransientDatabaseError
from pg_scheduler.domain.passwords import masked
from pg_scheduler_cli.factories import Application, scheduler_of

log: logging.Logger = logging.getLogger("pg_scheduler.cli.serving")

AWAY = (ConnectionLost, TransientDatabaseError, ReadOnlyServer)
"""What may pass by itself."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
"""Seconds until a database that was away at the start is tried again."""
_WORD = re.compile(r"\b(host|port|dbname)\s*=\s*'?([^\s']+)")


def places_of(dsns: Sequence[str]) -> dict[str, str]:
    """The connection strings by short names: host and database, and a number where that leaves a doubt."""
    names = [_place(dsn) for dsn in dsns]
    number = Counter(names)
    seen: Counter[str] = Counter()
    found = {}
    for name, dsn in zip(names, dsns, strict=True):
        seen[name] += 1
        found[name if number[name] == 1 else f"{name}#{seen[name]}"] = dsn
    return found


def _place(dsn: str) -> str:
    if "://" in dsn:
        parts = urlsplit(dsn)
        return masked(parts.netloc.rpartition("@")[2] + parts.path)
    words = dict(_WORD.findall(dsn))
    port = f":{words['port']}" if "port" in words else ""
    return f"{words.get('host', '')}{port}/{words.get('dbname', '')}"


class Several:
    """They start and stop together. One whose database is away at the start is tried again, while the others
    work; one that somebody stops from elsewhere stops alone.

    Args:
        apps: by where they work.
        drain: whether each ends once there is nothing more to do. All of them have to start then.
        grace: seconds that running jobs get at the end.
    """

    def __init__(self, apps: Mapping[str, Application], *, drain: bool, grace: float) -> None:
        self._apps = apps
        self._drain = drain
        self._grace = grace
        self._late: dict[str, asyncio.Task[None]] = {}

    async def start(self) -> None:
        """Start them; at least one has to.

        Raises:
            PgSchedulerError: none can be started, or one cannot for a reason that does not pass by itself.
        """
        try:
            answers = await asyncio.gather(
                *(scheduler_of(app).start() for app in self._apps.values()), return_exceptions=True
            )
            failed = {
                where: answer for where, answer in zip(self._apps, answers, strict=True) if answer is not None
            }
            for error in failed.values():
                if self._drain or len(failed) == len(self._apps) or not isinstance(error, AWAY):
                    raise error
            for where, error in failed.items():
                log.warning("%s is away, and is tried again: %s", where, masked(str(error)))
                self._late[where] = asyncio.create_task(self._start_late(where), name=f"start {where}")
        except BaseException:
            await self.shutdown(0)
            raise

    async def _start_late(self, where: str) -> None:
        app, pause = self._apps[where], FIRST_PAUSE
        while True:
            await app.shutdown(0)
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(pause * 2, LONGEST_PAUSE)
            try:
                await scheduler_of(app).start()
            except AWAY as error:
                log.warning("%s is still away: %s", where, masked(str(error)))
            else:
                log.info("%s is there", where)
                return

    async def until_done(self) -> None:
        """Return once each has drained, or was stopped by somebody."""
        await asyncio.gather(*(self._until_done(where) for where in self._apps))

    async def _until_done(self, where: str) -> None:
        if where in self._late:
            await asyncio.shield(self._late[where])
        app = self._apps[where]
        worker = scheduler_of(app).worker
        await (worker.steps.wait_drained() if self._drain else worker.wait_stopped())
        if len(self._apps) > 1:  # the last one is shut down with the process
            await app.shutdown(self._grace)

    async def shutdown(self, timeout: float | None) -> None:
        """Stop them all, side by side; the failure of one keeps no other from it."""
        for late in self._late.values():
            late.cancel()
        await asyncio.gather(*self._late.values(), return_exceptions=True)
        answers = await asyncio.gather(
            *(app.shutdown(timeout) for app in self._apps.values()), return_exceptions=True
        )
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
