"""What lies between the engines and the store: delays, cuts, and replies that never arrive.

A call travels there, takes effect in one instant, and its answer travels back. Where it breaks decides what
the caller may know: before the store it had no effect, behind it it had, and the caller hears the same.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from pg_scheduler.domain.errors import (
    ConnectionLost,
    DatabaseError,
    DatabaseUnavailable,
    TransientDatabaseError,
)
from pg_scheduler.ports.signals import Looked, Signal
from tests.simulation.virtual_loop import Host, Life, VirtualLoop

SLOW = 1.0
"""Seconds after which an answer is so late that it counts as trouble."""
BEGIN = datetime(2030, 1, 1, tzinfo=UTC)
"""When every simulation begins by the store's clock."""


@dataclass(slots=True)
class Weather:
    """How bad the network is."""

    latency: float = 0.002
    """Mean seconds of one way."""
    lost_before: float = 0.0
    """Share of calls that break before they take effect."""
    lost_after: float = 0.0
    """Share of calls whose reply is lost, the effect being there."""
    refused: float = 0.0
    """Share of calls that the store refuses for now: deadlock, serialization."""
    signals_lost: float = 0.0
    signals_doubled: float = 0.0
    signals_late: float = 0.05
    """Mean seconds a signal takes."""


@dataclass(eq=False, slots=True)
class Subscription:
    """One listening connection."""

    host: Host
    deliver: Callable[[Signal | Looked], None]
    broken: asyncio.Future[None]


@dataclass(slots=True)
class Hold:
    """A lock held by a connection."""

    host: Host
    on_lost: Callable[[], None]
    wanted: bool = True
    """False once nobody is there to hold it."""


@dataclass(slots=True)
class Network:
    """Everything between hosts and the store, and the store's clock."""

    loop: VirtualLoop
    random: random.Random
    faults: Counter[str]
    weather: Weather = field(default_factory=Weather)
    cut_off: set[str] = field(default_factory=set)
    """Names of hosts that reach nothing."""
    no_extra: set[str] = field(default_factory=set)
    """Names of hosts that get no connection beside their pool."""
    store_is_up: bool = True
    store_ahead: timedelta = timedelta(0)
    """How far the store's clock was set."""
    jumped_at: float = -1.0
    """When it was last set."""
    subscriptions: list[Subscription] = field(default_factory=list)
    locks: dict[str, Hold] = field(default_factory=dict)
    trouble: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    """From when to when each host had reason not to get through, in order of the ends."""
    under_way: dict[str, list[float]] = field(default_factory=dict)
    """When the calls were sent that have not been answered yet."""
    away: tuple[float, float] = (-1.0, -1.0)
    """When the store was last out of everybody's reach."""

    def store_time(self) -> datetime:
        """The clock that decides."""
        return BEGIN + timedelta(seconds=self.loop.time()) + self.store_ahead

    def note_trouble(self, host: Host, since: float) -> None:
        """From then until now this host could not do what it would have done."""
        self.trouble.setdefault(host.name, []).append((since, self.loop.time()))

    def clear_stretch(self, host: Host, since: float, until: float) -> float:
        """The longest time without trouble in between, in seconds."""
        longest, clear_from = 0.0, since
        now = self.loop.time()
        waiting = [(sent, now) for sent in self.under_way.get(host.name, ()) if now - sent > SLOW]
        for begun, ended in sorted([*self.trouble.get(host.name, ()), *waiting]):
            longest = max(longest, min(begun, until) - clear_from)
            clear_from = max(clear_from, min(ended, until))
        return max(longest, until - clear_from)

    def reaches(self, host: Host) -> bool:
        """Whether a packet gets through now."""
        return self.store_is_up and host.name not in self.cut_off

    async def make_extra_connection(self, host: Host) -> None:
        """A connection beside the pool is needed.

        Raises:
            DatabaseUnavailable: there is none to be had.
        """
        if host.name in self.no_extra:
            await asyncio.sleep(self._delay(self.weather.latency))
            self.faults["extra connections refused"] += 1
            raise DatabaseUnavailable("too many connections for this role", "53300")

    # --- calls

    async def carry(self, host: Host, effect: Callable[[float], Any]) -> Any:
        """Carry a call to the store and its answer back; `effect` is told when it was sent.

        Raises:
            ConnectionLost: it, or its answer, did not get through; the caller cannot know which.
        """
        if host.life is Life.DEAD:
            raise ConnectionLost("this process is dead")
        sent, answer = self.loop.time(), self.loop.create_future()
        self._later(
            self._delay(self.weather.latency), lambda: self._arrive(host, lambda: effect(sent), answer)
        )
        under_way = self.under_way.setdefault(host.name, [])
        under_way.append(sent)
        failed = True
        try:
            result = await answer
            failed = False
            return result
        except asyncio.CancelledError:
            failed = False  # the caller's own doing
            raise
        finally:
            answer.cancel()
            under_way.remove(sent)
            if failed or self.loop.time() - sent > SLOW:
                self.note_trouble(host, sent)

    def _arrive(self, host: Host, effect: Callable[[], Any], answer: asyncio.Future[Any]) -> None:
        chance = self.random.random
        # Whoever died or gave up may still have been heard, or not.
        if (host.life is Life.DEAD or answer.done()) and chance() < 0.5:
            self.faults["calls dropped with their caller"] += 1
            return
        if not self.reaches(host):
            self._fail(answer, "cannot reach the store", self._delay(3.0))
        elif chance() < self.weather.lost_before:
            self.faults["calls lost"] += 1
            self._fail(answer, "lost on the way there", self._delay(0.5))
        elif chance() < self.weather.refused:
            self.faults["calls refused"] += 1
            self._fail(answer, "", 0.0, TransientDatabaseError("not now", "40P01"))
        else:
            self._take_effect(host, effect, answer)

    def _take_effect(self, host: Host, effect: Callable[[], Any], answer: asyncio.Future[Any]) -> None:
        result, error = None, None
        try:
            result = effect()
        except (DatabaseError, ValueError, LookupError) as refused:
            error = refused
        if self.random.random() < self.weather.lost_after:
            self.faults["replies lost"] += 1
            self._fail(answer, "the reply was lost", self._delay(0.5))
            return
        back = self._delay(self.weather.latency)
        self._later(back, lambda: self._return(host, answer, result, error))

    def _return(self, host: Host, answer: asyncio.Future[Any], result: Any, error: Exception | None) -> None:
        if not self.reaches(host):
            self.faults["replies lost"] += 1
            self._fail(answer, "the reply was lost", self._delay(3.0))
        elif not answer.done() and error is not None:
            answer.set_exception(error)
        elif not answer.done():
            answer.set_result(result)

    def _fail(
        self, answer: asyncio.Future[Any], why: str, after: float, error: DatabaseError | None = None
    ) -> None:
        broken = error or ConnectionLost(why)
        self._later(after, lambda: None if answer.done() else answer.set_exception(broken))

    def _delay(self, mean: float) -> float:
        return self.random.expovariate(1.0 / mean) if mean else 0.0

    def _later(self, seconds: float, what: Callable[[], object]) -> None:
        self.loop.call_later(seconds, what, context=OUTSIDE)

    # --- signals

    def tell(self, what: Signal | Looked) -> None:
        """The store signals; what each listener hears, and when, is chance."""
        weather, chance = self.weather, self.random.random
        for one in list(self.subscriptions):
            if not self.reaches(one.host) or chance() < weather.signals_lost:
                self.faults["signals lost"] += 1
                continue
            self._deliver(one, what)
            if chance() < weather.signals_doubled:
                self.faults["signals doubled"] += 1
                self._deliver(one, what)

    def _deliver(self, one: Subscription, what: Signal | Looked) -> None:
        def arrive() -> None:
            if one in self.subscriptions:
                self.loop.call_soon(one.deliver, what, context=one.host.context)

        self._later(self._delay(self.weather.signals_late), arrive)

    def break_connections(self, concerned: Callable[[Host], bool]) -> None:
        """Listening connections break, and locks are gone with theirs."""
        for one in [one for one in self.subscriptions if concerned(one.host)]:
            self.subscriptions.remove(one)
            if not one.broken.done():
                one.broken.set_exception(ConnectionLost("the listening connection broke"))
                one.broken.exception()  # seen, even if nobody lives to hear it
        for name, hold in [held for held in self.locks.items() if concerned(held[1].host)]:
            del self.locks[name]
            self.loop.call_soon(hold.on_lost, context=hold.host.context)


def outcome_of(coro: Coroutine[Any, Any, Any]) -> Any:
    """What a coroutine returns that never waits: the memory store acts within one instant."""
    try:
        coro.send(None)
    except StopIteration as ended:
        return ended.value
    coro.close()
    raise AssertionError("the store waited")


OUTSIDE = Host("outside").context
"""The context of what belongs to no host."""
