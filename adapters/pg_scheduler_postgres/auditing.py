"""Acts of people, with their records in the same transaction."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import NamedTuple, TypeVar

from pg_scheduler.domain.audit import Act, Actor
from pg_scheduler_postgres.link import Link
from pg_scheduler_postgres.session import Session

_T = TypeVar("_T")


class Changed(NamedTuple):
    """What an act changed."""

    subject: str
    affected: int
    job_ids: Sequence[str] = ()
    """The jobs among it."""
    selection: str | None = None
    """Which jobs were meant, as JSON."""
    audit_id: int | None = None
    """The record of the act that this is a further part of."""


async def recorded(
    link: Link,
    by: Actor | None,
    act: Act,
    change: Callable[[Session | None], Awaitable[_T]],
    changed: Callable[[_T], Changed],
    *,
    now: datetime | None,
    session: Session | None = None,
) -> _T:
    """Make a change: within a transaction together with its record, if somebody made it by hand (`by`) and it
    changed something. `session` is one that is in a transaction already."""
    if by is None:
        return await change(session)
    if session is not None:
        answer = await change(session)
        await note_act(link, session, by, act, changed(answer), now)
        return answer
    async with link.session.transaction() as transaction:
        answer = await change(transaction)
        await note_act(link, transaction, by, act, changed(answer), now)
        return answer


async def note_act(
    link: Link, session: Session, by: Actor | None, act: Act, changed: Changed, now: datetime | None
) -> int | None:
    """Write down what somebody did, if he did and it changed something; the id of the record."""
    if by is None or not changed.affected:
        return changed.audit_id
    rows = await link.run(
        "note_act",
        session,
        now=now,
        actor=by.name,
        via=by.via,
        act=str(act),
        subject=changed.subject,
        affected=changed.affected,
        changed_ids=list(changed.job_ids),
        selection=changed.selection,
        audit_id=changed.audit_id,
    )
    found: int = rows[0]["id"]
    return found
