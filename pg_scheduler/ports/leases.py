"""How leases are renewed, and how expired ones are reclaimed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pg_scheduler.domain.model import Lease
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.domain.workers import NOTHING_NEW, SignOfLife, WorkerWish


@dataclass(frozen=True, slots=True)
class RenewRequest:
    """A worker's heartbeat: its leases, extended in one statement."""

    worker_id: str
    hostname: str
    pid: int
    lease: timedelta
    leases: Sequence[Lease]
    says: SignOfLife = NOTHING_NEW
    """What it does, and what it knows if that is not stored yet."""
    likes: str = ""
    """A digest of what it claims, and how much at once. Workers with the same one are its likes: of what it
    would claim, each of them would."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """The workers that live, as one of them sees them."""

    workers: int = 1
    """All of them."""
    likes: int = 1
    """Those that claim what it does, itself included."""
    place: int = 0
    """How many of these come before it in the order of their ids."""


@dataclass(frozen=True, slots=True)
class RenewAnswer:
    """Which leases the worker still holds, and which of those jobs it should stop."""

    held: frozenset[Lease]
    cancel_requested: frozenset[Lease]
    """A part of `held`."""
    wish: WorkerWish = WorkerWish.WORK
    """What somebody has asked this worker for."""
    profile_missing: bool = False
    """True if the store does not know what the worker knows: it never said, or was forgotten meanwhile."""
    fleet: Fleet = Fleet()
    """Who else lives. A store that does not tell has every worker look for itself."""


@dataclass(frozen=True, slots=True)
class ReclaimRequest:
    """How expired leases are reclaimed."""

    heartbeat_threshold: timedelta
    """A running row without any lease (written by something older) is given up this long after its
    last heartbeat."""
    max_crashes: int
    """A job whose lease was lost this many times ends `failed`."""
    limit: int = 500
    after_restart: timedelta = timedelta(0)
    """Nothing is taken back so soon after a start of the server: while it was down, nobody could renew. A
    store that knows no such moment ignores it."""
    lanes_after: tuple[str, str] = ("", "")
    """Some lanes that nothing was claimed from for long are forgotten on the way: those behind this one, the
    task and the lane at which the look before ended. A store that keeps no such thing ignores it."""
    not_after: datetime | None = None
    """The store's time after which nothing is taken back: the question was under way for long, and so were
    the renewals of others, or the clock has jumped. None: whenever it comes."""


@dataclass(frozen=True, slots=True)
class Reclaimed:
    """One job whose lease had expired."""

    job_id: str
    worker_id: str | None
    """Who lost it."""
    status: JobStatus
    """pending again, failed after too many crashes, or cancelled where that had been asked for."""
    crash_count: int


@dataclass(frozen=True, slots=True)
class ReclaimAnswer:
    """What was reclaimed, in id order, and when to check again."""

    jobs: tuple[Reclaimed, ...]
    next_expiry_in: timedelta | None
    """Time until the next lease ends unless renewed; None if nothing runs."""
    lanes_after: tuple[str, str] = ("", "")
    """Where the next look at lanes goes on."""
    looked_at: datetime | None = None
    """The store's time; None from a store that does not tell."""
    came_late: bool = False
    """True if nothing was taken back because it was later than `not_after`."""
