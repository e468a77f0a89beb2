"""Transactions of the memory driver.

What a transaction does is tried on a copy of the tables, together with all that it has done before, and
noted. At the commit it is done to the tables themselves, if the answers are still the same. So it sees its
own rows and those that others have committed, and nobody sees its own before the commit, as in PostgreSQL.
Nothing is locked: where a database would have let others wait, here the later commit fails.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, NamedTuple, TypeVar

from pg_scheduler.domain.errors import InvalidInput, TransientDatabaseError
from pg_scheduler.ports.completions import TransactionOutcome
from pg_scheduler.ports.job_store import JobStore
from pg_scheduler.ports.run_now import run_now
from pg_scheduler.ports.schedule_store import ScheduleStore
from pg_scheduler.testing.memory.state import MemoryState

_T = TypeVar("_T")


class Stores(NamedTuple):
    """What a transaction may change."""

    jobs: JobStore
    schedules: ScheduleStore


Deed = Callable[[Stores], Coroutine[Any, Any, _T]]
"""A call of a store, which may be made again."""


class MemoryTransaction:
    """What stands in for a connection with a transaction open. Make one by `MemoryDriver.transaction()`."""

    def __init__(self, number: int, state: MemoryState, stores_of: Callable[[MemoryState], Stores]) -> None:
        self.number = number
        self.outcome: TransactionOutcome = TransactionOutcome.OPEN
        self._state = state
        self._stores_of = stores_of
        self._deeds: list[tuple[Deed[Any], Any]] = []
        self._effects: list[Callable[[], object]] = []

    def when_committed(self, effect: Callable[[], object]) -> None:
        """Call this at the commit, and never if it is rolled back: the effects of a function under test."""
        self._effects.append(effect)

    async def do(self, deed: Deed[_T]) -> _T:
        """Do something in this transaction; what it answers. An error leaves the transaction usable."""
        answer = await deed(self._stores_of(await self.view()))
        self._deeds.append((deed, answer))
        return answer

    async def view(self) -> MemoryState:
        """The tables as this transaction sees them.

        Raises:
            TransientDatabaseError: somebody else has changed what it has changed.
        """
        seen = self._state.snapshot()
        stores = self._stores_of(seen)
        for deed, answer in self._deeds:
            await _repeated(deed, answer, stores)
        return seen

    async def commit(self, stores: Stores) -> None:
        """Do it all for everybody, or, if this raises, nothing."""
        await self.view()  # so that it is all or nothing
        for deed, answer in self._deeds:
            await _repeated(deed, answer, stores)
        self.outcome = TransactionOutcome.COMMITTED
        for effect in self._effects:
            effect()


async def _repeated(deed: Deed[Any], answer: Any, stores: Stores) -> None:
    try:
        same = await deed(stores) == answer
    except ValueError:  # taken meanwhile, for example
        same = False
    if not same:
        raise TransientDatabaseError("the job was changed by somebody else meanwhile", "40001")


class MemoryTransactions:
    """The transactions of one memory driver, and what stands for them."""

    def __init__(self, state: MemoryState) -> None:
        self._state = state
        self._by_number: dict[str, MemoryTransaction] = {}
        self._numbers = itertools.count(1)
        self._standing_for: list[tuple[object, MemoryTransaction]] = []

    def of(self, connection: object) -> MemoryTransaction:
        """The transaction that a connection stands for.

        Raises:
            InvalidInput: it stands for none, or its transaction is over.
        """
        found = connection if isinstance(connection, MemoryTransaction) else self._stood_for(connection)
        if found is None:
            raise InvalidInput(
                "connection",
                f"expected a transaction of the memory driver, got {type(connection).__name__}",
                "async with driver.transaction() as connection: ...; or, where the code under test has a "
                "connection of its own: driver.transaction(standing_for=session)",
            )
        if found is not self._by_number.get(str(found.number)):
            raise InvalidInput("connection", "is a transaction of another memory driver")
        if found.outcome is not TransactionOutcome.OPEN:
            raise InvalidInput("connection", "its transaction is over")
        return found

    def _stood_for(self, connection: object) -> MemoryTransaction | None:
        # By identity: a session need not be hashable. The innermost block counts.
        found = (made for stands, made in reversed(self._standing_for) if stands is connection)
        return next(found, None)

    def outcome_of(self, token: str) -> TransactionOutcome:
        """What became of a transaction."""
        return self._by_number[token].outcome

    @asynccontextmanager
    async def begin(self, stores: Stores, standing_for: object) -> AsyncIterator[MemoryTransaction]:
        """Committed to the stores at the end of the block, rolled back if the block raises."""
        with self._begun(standing_for) as made:
            yield made
            await made.commit(stores)

    @contextmanager
    def begin_sync(self, stores: Stores, standing_for: object) -> Iterator[MemoryTransaction]:
        """The same without an event loop."""
        with self._begun(standing_for) as made:
            yield made
            run_now(made.commit(stores))

    @contextmanager
    def _begun(self, standing_for: object) -> Iterator[MemoryTransaction]:
        from pg_scheduler.testing.memory.jobs import MemoryJobs
        from pg_scheduler.testing.memory.schedules import MemorySchedules

        def stores_of(state: MemoryState) -> Stores:
            return Stores(MemoryJobs(state), MemorySchedules(state))

        made = MemoryTransaction(next(self._numbers), self._state, stores_of)
        self._by_number[str(made.number)] = made
        if standing_for is not None:
            self._standing_for.append((standing_for, made))
        try:
            yield made
        except BaseException:
            made.outcome = TransactionOutcome.ROLLED_BACK
            raise
        finally:
            self._standing_for[:] = [pair for pair in self._standing_for if pair[1] is not made]
