"""Everything that can be found wrong with a store, by whoever asks it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from pg_scheduler.domain.cluster_facts import ClusterFacts
from pg_scheduler.domain.engine_facts import Need, engine_problems, lacking, unasked, unsupported
from pg_scheduler.domain.errors import DatabaseError, QuestionTimedOut, SchemaError
from pg_scheduler.domain.problems import Problem, Severity, problems, worst_first
from pg_scheduler.domain.problems_of_server import schema_problem, signals_problem, slow_problem
from pg_scheduler.domain.server_facts import ServerFacts
from pg_scheduler.ports.clock import Clock
from pg_scheduler.ports.driver import Driver
from pg_scheduler.ports.schema import SchemaStatus
from pg_scheduler.ports.signals import SignalsSwallowed

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was found."""

    schema: SchemaStatus
    cluster: ClusterFacts | None
    """None where it could not be read: a problem says why."""
    server: ServerFacts | None
    hears_itself: bool | None
    """Whether a signal of our own came back; None where that was not tried."""
    problems: tuple[Problem, ...]
    """The worst first."""

    @property
    def severe(self) -> bool:
        """Whether somebody must act."""
        return any(one.severity is Severity.ERROR for one in self.problems)


async def diagnose(driver: Driver, clock: Clock, limit: timedelta, *, listen: bool = True) -> Diagnosis:
    """Look at everything; whatever takes longer than `limit` is left out, and that is said.

    Raises:
        DatabaseError: the database cannot be reached, or refuses.
    """
    limited = driver.within(limit)
    found: list[Problem] = []
    schema = await driver.schema.status()
    problem = schema_problem(schema.schema, schema.version, schema.latest, schema.missing)
    if problem is not None:
        found.append(problem)

    async def answer(what: str, question: Callable[[], Awaitable[_T]]) -> _T | None:
        try:
            return await question()
        except QuestionTimedOut:
            found.append(slow_problem(what, limit))
        except DatabaseError as error:
            if not unsupported(error):
                raise
            found.append(unasked(what, _words(error)))
        except SchemaError:
            if problem is None:
                raise
        return None

    engine = await answer("what it is", limited.insight.engine)
    if engine is not None:
        found += engine_problems(engine)
    now = clock.pinned()
    cluster = await answer("how its jobs are", lambda: limited.insight.cluster_facts(now=now))
    server = await answer("how itself is", limited.insight.server_facts)
    hears = None
    if listen:
        try:
            hears = await hears_itself(driver)
        except DatabaseError as error:
            if not unsupported(error):
                raise
            found.append(lacking(Need.LISTEN, _words(error)))
    if hears is False:
        found.append(signals_problem())
    return Diagnosis(schema, cluster, server, hears, worst_first((*found, *problems(cluster, server))))


def _words(error: DatabaseError) -> str:
    return str(error).partition("\n")[0]


async def hears_itself(driver: Driver) -> bool:
    """Whether a signal of our own comes back."""
    ready = asyncio.Event()
    listening = asyncio.ensure_future(driver.signals.listen(lambda kind: None, ready.set))
    waiting = asyncio.ensure_future(ready.wait())
    try:
        await asyncio.wait({listening, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if not listening.done():
            return True
        listening.result()
        return ready.is_set()
    except SignalsSwallowed:
        return False
    finally:
        for task in (listening, waiting):
            task.cancel()
        await asyncio.gather(listening, waiting, return_exceptions=True)
