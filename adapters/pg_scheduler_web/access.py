"""Who may do what on the page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from starlette.requests import Request

from pg_scheduler.domain.audit import Actor
from pg_scheduler.domain.identity import checked_name

VIA = "web"
"""What the audit calls this way in."""


class Right(StrEnum):
    """One thing that somebody may do."""

    READ = "read"
    """See every screen, without what is behind `SEE_ARGS`."""
    SEE_ARGS = "see_args"
    """See arguments, payloads, headers and results of jobs."""
    RETRY = "retry"
    """Let jobs run again, or at another time."""
    CANCEL = "cancel"
    DELETE = "delete"
    PAUSE = "pause"
    """Pause and resume tasks and queues."""
    LIMITS = "limits"
    SCHEDULES = "schedules"
    """Pause, resume, run, backfill, change and remove schedules."""
    WORKERS = "workers"
    """Let workers claim no more, go on, or stop."""
    RETENTION = "retention"
    """Delete finished jobs by the policies, now."""


_OPERATOR = frozenset(
    {Right.READ, Right.RETRY, Right.CANCEL, Right.PAUSE, Right.LIMITS, Right.SCHEDULES, Right.WORKERS}
)


@dataclass(frozen=True, slots=True)
class Access:
    """What one visitor may do.

    Args:
        name: who it is; the audit names it beside each act.
        rights: what is allowed. Without `Right.READ` nothing is.
    """

    name: str
    rights: frozenset[Right]

    def __init__(self, name: str, rights: Iterable[Right]) -> None:
        object.__setattr__(self, "name", checked_name("name", name))
        object.__setattr__(self, "rights", frozenset(Right(right) for right in rights))

    @classmethod
    def read_only(cls, name: str) -> Access:
        """Sees everything but arguments and results, and changes nothing."""
        return cls(name, [Right.READ])

    @classmethod
    def operator(cls, name: str) -> Access:
        """Also retries, cancels, pauses and limits, runs schedules and stops workers. It neither sees
        arguments nor deletes anything."""
        return cls(name, _OPERATOR)

    @classmethod
    def admin(cls, name: str) -> Access:
        """May do everything."""
        return cls(name, Right)

    def may(self, *rights: Right) -> bool:
        """Whether it has all of these rights, and may read."""
        return self.rights.issuperset({Right.READ, *rights})

    @property
    def actor(self) -> Actor:
        """As the audit names it."""
        return Actor(self.name, VIA)


Auth: TypeAlias = Callable[[Request], Awaitable[Access | None]]
"""Says what the sender of a request may do; None: nothing, which is answered by 403."""
