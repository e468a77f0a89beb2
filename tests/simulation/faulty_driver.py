"""A Driver for one host: every verb goes over the network to the one memory store, past the judge."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from pg_scheduler.domain.states import JobStatus
from pg_scheduler.ports.signals import Looked, Signal, by_kind, ignored
from pg_scheduler.testing import MemoryDriver
from tests.simulation.holds import Holds
from tests.simulation.network import Hold, Network, Subscription, outcome_of
from tests.simulation.virtual_loop import Host

VERBS = {
    "jobs": (
        "submit",
        "claim",
        "claim_lanes",
        "claim_job",
        "renew",
        "settle",
        "reclaim_expired",
        "request_cancel",
        "override_status",
        "forget_worker",
        "note_progress",
    ),
    "steering": ("ask_worker",),
    "insight": (
        "job",
        "statuses",
        "infos",
        "ids_beginning_with",
        "jobs",
        "counts",
        "attempts",
        "unclaimed",
        "duplicates",
        "leases_of",
        "sizes",
        "pending_names",
        "workers",
    ),
    "schedules": (
        "register_schedules",
        "retire_abandoned",
        "stray_schedules",
        "move_runs",
        "put_schedule",
        "remove_schedule",
        "set_paused",
        "due_schedules",
        "advance_schedules",
        "list_schedules",
        "zoned_schedules",
        "note_manual_run",
    ),
    "limits": (
        "set_limits",
        "pause_task",
        "pause_queue",
        "paused_queues",
        "limit_queue",
        "queue_limits",
        "list_limits",
    ),
    "retention": ("prune", "record_vacuum", "vacuum_stats"),
    "minutes": ("note", "minutes", "latest"),
    "schema": ("install", "status", "uninstall"),
}
"""What is asked and answered, by the part of the port; the rest of it is below."""

Watch = Callable[[Host, str, tuple[Any, ...], dict[str, Any], Callable[[], Any]], Any]
"""Called for every effect: carries it out and judges what it did."""


class FaultyDriver:
    """The store as one host sees it."""

    def __init__(
        self,
        host: Host,
        store: MemoryDriver,
        network: Network,
        holds: Holds,
        watch: Watch,
        *,
        extra: bool = False,
    ) -> None:
        self._host = host
        self._store = store
        self._extra = extra
        self._network = network
        self._holds = holds
        self._watch = watch
        for part, verbs in VERBS.items():
            real = getattr(store, part)
            setattr(self, part, SimpleNamespace(**{verb: self._verb(verb, real) for verb in verbs}))
        self.completions = NoTransactions()
        self.signals = FaultySignals(host, network)
        self.locks = FaultyLocks(host, network)

    def _verb(self, verb: str, part: Any) -> Callable[..., Any]:
        def act(*args: Any, **options: Any) -> Any:
            return outcome_of(getattr(part, verb)(*args, **options))

        async def call(*args: Any, **options: Any) -> Any:
            def effect(sent: float) -> Any:
                if "now" in options:
                    # The store's clock decides, and at the moment at which the call takes effect.
                    options["now"] = self._network.store_time()
                return self._watch(
                    self._host,
                    verb,
                    args,
                    {**options, "sent": sent},
                    lambda: self._holds.around(verb, act, args, options),
                )

            await self.open()
            return await self._network.carry(self._host, effect)

        return call

    async def open(self) -> None:
        """Connections are made as they are needed; one beside the pool cannot always be had."""
        if self._extra:
            await self._network.make_extra_connection(self._host)

    async def open_for(self, connection: object) -> bool:
        """There is nothing to open."""
        return True

    async def close(self) -> None:
        """Nothing is kept."""

    def within(self, limit: timedelta) -> FaultyDriver:
        """Nobody asks a question here that could take long."""
        return self

    def dedicated(self) -> FaultyDriver:
        """A driver on one connection beside the pool."""
        return FaultyDriver(self._host, self._store, self._network, self._holds, self._watch, extra=True)


class NoTransactions:
    """Nobody has a transaction of their own in the simulation."""

    async def complete_in(self, settlement: Any, connection: Any, *, now: Any = None) -> None:
        raise NotImplementedError

    async def outcome_of(self, token: str) -> Any:
        raise NotImplementedError


class FaultySignals:
    """Signals, which are lost while the host is cut off."""

    def __init__(self, host: Host, network: Network) -> None:
        self._host = host
        self._network = network

    async def listen(
        self,
        on_signal: Callable[[Signal], None],
        on_ready: Callable[[], None],
        on_looked: Callable[[Looked], None] = ignored,
    ) -> None:
        await self._network.make_extra_connection(self._host)
        await self._network.carry(self._host, lambda sent: None)
        deliver = by_kind(on_signal, on_looked)
        one = Subscription(self._host, deliver, asyncio.get_running_loop().create_future())
        self._network.subscriptions.append(one)
        try:
            on_ready()
            await one.broken
        finally:
            if one in self._network.subscriptions:
                self._network.subscriptions.remove(one)

    async def tell_looked(self, looked: Looked) -> None:
        await self._network.carry(self._host, lambda sent: self._network.tell(looked))

    async def listen_finished(
        self, on_finished: Callable[[str, JobStatus], None], on_ready: Callable[[], None]
    ) -> None:
        raise NotImplementedError("nobody waits for ends in the simulation")

    async def await_jobs(self, job_ids: Collection[str]) -> set[str]:
        raise NotImplementedError("nobody waits for ends in the simulation")


class FaultyLocks:
    """Locks, which a host may lose."""

    def __init__(self, host: Host, network: Network) -> None:
        self._host = host
        self._network = network

    @asynccontextmanager
    async def exclusive(self, name: str, on_lost: Callable[[], None]) -> AsyncIterator[bool]:
        mine = Hold(self._host, on_lost)

        def take(sent: float) -> bool:
            return mine.wanted and self._network.locks.setdefault(name, mine) is mine

        try:
            yield await self._network.carry(self._host, take)
        finally:
            mine.wanted = False
            if self._network.locks.get(name) is mine:
                del self._network.locks[name]
