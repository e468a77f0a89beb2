"""What a database server says of itself: what `problems` reads besides the facts of the jobs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

TRANSACTIONS_NAMED = 20
"""So many open transactions are named, the oldest first."""
OPEN_FOR_LONG = timedelta(seconds=60)
"""A transaction that is open for less is not looked at."""


@dataclass(frozen=True, slots=True)
class OpenTransaction:
    """A transaction that has been open for long, as far as this role may see it."""

    pid: int | None
    """None for one that was prepared and has no process any more."""
    name: str
    """What its connection calls itself, or what it was prepared as; may be empty."""
    user: str
    state: str
    """As in `pg_stat_activity`; ``prepared``."""
    open_for: timedelta
    pins: bool
    """Whether it keeps dead rows from being removed."""
    holds: int
    """How many of the jobs that should start first it keeps from being claimed."""


@dataclass(frozen=True, slots=True)
class TableFacts:
    """The rows of one table, by the server's statistics."""

    name: str
    live: int
    dead: int
    bytes: int
    """With its indexes."""
    vacuumed_ago: timedelta | None
    """None: never, or not since the statistics began."""


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """All of it."""

    version: int
    """As in ``server_version_num``: 180001."""
    version_text: str
    database: str
    role: str
    """As whom these facts were read."""
    sees_others: bool
    """Whether that role may see what others' connections do."""
    may_not: tuple[str, ...]
    """Rights on the tables that a worker needs and this role lacks: ``UPDATE on scheduled_jobs``."""
    in_recovery: bool
    """A standby, which takes no writes."""
    fsync: bool
    synchronous_commit: str
    autovacuum: bool
    """Whether it runs at all, and for the jobs' table."""
    connections: int
    connections_at_most: int
    transactions: tuple[OpenTransaction, ...]
    tables: tuple[TableFacts, ...]
    """Those that exist, by name."""
