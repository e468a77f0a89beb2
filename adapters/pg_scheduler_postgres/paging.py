"""Jobs page by page, as SQL: one statement for each way in which they are stored, merged by time."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from pg_scheduler.domain.model import JobRecord
from pg_scheduler.domain.paging import MOST_SEARCHED, Count, Cursor, Page
from pg_scheduler.domain.selection import Selection, steps_of, time_of
from pg_scheduler.domain.states import JobStatus
from pg_scheduler_postgres.conversions import instant
from pg_scheduler_postgres.link import Link
from pg_scheduler_postgres.rows import job_record

UNSUCCESSFUL = frozenset({JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.EXPIRED})

RUNS_SEARCHED = 200
"""So many streams, or tasks of completed jobs, are looked through at once for what no index leads to."""

_FIRST, _LAST = "", "\U0010ffff"
"""No name of a queue stands before or behind these."""
_LATEST = datetime.max.replace(tzinfo=UTC)
_EARLIEST = datetime.min.replace(tzinfo=UTC)


class _Part(NamedTuple):
    """What one statement has found."""

    jobs: list[JobRecord]
    horizon: Cursor | None
    """How far it has looked; None: to the end."""


class Pages:
    """Reads pages over a link."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def page(
        self, selection: Selection, after: Cursor | None, limit: int, *, now: datetime | None
    ) -> Page:
        values = values_of(selection) | range_of(selection, after)
        moment = await self._now(now)
        parts = [
            await self._part(statement, {**values, **bounds_of(statement, selection, limit + 1)})
            for statement in await self._statements(selection)
        ]
        horizons = [part.horizon for part in parts if part.horizon is not None]
        horizon = max(horizons, default=None)
        found = {job.job_id: job for part in parts for job in part.jobs}
        known = sorted(
            (job for job in found.values() if horizon is None or place_of(job) >= horizon),
            key=place_of,
            reverse=True,
        )
        if len(known) > limit:
            return Page(tuple(known[:limit]), place_of(known[limit - 1]), moment)
        return Page(tuple(known), horizon, moment)

    async def count(self, selection: Selection, at_most: int, *, now: datetime | None) -> Count:
        failed = selection if selection.error_group is None else selection.only({JobStatus.FAILED})
        if failed is None:
            return Count(0, True, await self._now(now))
        values = values_of(failed) | range_of(failed, None)
        statement = "count_of_ids" if await self._names_ids(selection) else "count_matching"
        rows = await self._link.run(
            statement, now=now, **values, most=max(at_most, MOST_SEARCHED) + 1, most_searched=MOST_SEARCHED
        )
        found = rows[0]["found"]
        return Count(
            min(found, at_most), rows[0]["is_exact"] and found <= at_most, instant(rows[0]["moment"])
        )

    async def _now(self, now: datetime | None) -> datetime:
        return instant((await self._link.run("now", now=now))[0]["moment"])

    async def _part(self, statement: str, values: dict[str, Any]) -> _Part:
        rows = await self._link.run(statement, **values)
        last = next((row for row in rows if row["is_last"]), None)
        return _Part(
            [job_record(row) for row in rows if row["is_wanted"]],
            None if last is None else Cursor(instant(last["place_at"]), last["place_id"]),
        )

    async def _statements(self, selection: Selection) -> list[str]:
        return ["page_of_ids"] if await self._names_ids(selection) else list(statements_for(selection))

    async def _names_ids(self, selection: Selection) -> bool:
        """Whether it says so much about ids that the jobs of all of them can be looked at."""
        prefix = selection.id_prefix
        if selection.audit_id is not None or prefix is None:
            return selection.audit_id is not None
        rows = await self._link.run(
            "ids_beginning_with", prefix=prefix, beyond=prefix + _LAST, limit=MOST_SEARCHED + 1
        )
        return len(rows) <= MOST_SEARCHED


def statements_for(selection: Selection) -> Iterator[str]:
    """The statements that find the jobs of a selection: one for each index that holds some of them."""
    statuses = set(selection.statuses or JobStatus)
    if selection.error_group is not None:
        yield from ["page_of_group"] if JobStatus.FAILED in statuses else []
        return
    if JobStatus.COMPLETED in statuses:
        yield "page_completed"
    if statuses & UNSUCCESSFUL:
        yield "page_unsuccessful"
    if JobStatus.RUNNING in statuses:
        yield "page_running"
    if JobStatus.PENDING in statuses:
        yield "page_waiting" if selection.key is None else "page_of_key"
        yield "page_waiting_in_lanes"


def place_of(job: JobRecord) -> Cursor:
    """Where a job stands in a list."""
    return Cursor(time_of(job), job.job_id)


def values_of(selection: Selection) -> dict[str, Any]:
    """A selection as the parameters of a statement."""
    statuses: Collection[JobStatus] = selection.statuses or tuple(JobStatus)
    return {
        "statuses": [str(status) for status in statuses],
        "task_name": selection.task_name,
        "queue": selection.queue,
        "first_queue": _FIRST if selection.queue is None else selection.queue,
        "last_queue": _LAST if selection.queue is None else selection.queue,
        "worker_id": selection.worker_id,
        "error": selection.error,
        "key": selection.key,
        "error_group": selection.error_group,
        "id_prefix": selection.id_prefix or "",
        "beyond": (selection.id_prefix or "") + _LAST,
        "audit_id": selection.audit_id,
        "paths": ["\x01".join(steps_of(path)) for path, _ in selection.arguments],
        "wanted_texts": [value for _, value in selection.arguments],
    }


def range_of(selection: Selection, after: Cursor | None) -> dict[str, Any]:
    """From which place on, and how far back."""
    places = [] if after is None else [after]
    if selection.until is not None:
        places.append(Cursor(selection.until, ""))
    first = min(places, default=Cursor(_LATEST, _LAST))
    return {
        "at": _text_of(first.at),
        "at_id": first.job_id,
        "since": _text_of(selection.since or _EARLIEST),
    }


def _text_of(time: datetime) -> str:
    """A time as text: the first and the last of Python's stand for infinite ones."""
    if time.astimezone(UTC) >= _LATEST:
        return "infinity"
    return "-infinity" if time.astimezone(UTC) <= _EARLIEST else time.isoformat()


def bounds_of(statement: str, selection: Selection, limit: int) -> dict[str, int]:
    """How much is read at most: of streams, or tasks, that are wanted as they are a page each is enough."""
    searched = bool(
        selection.worker_id
        or selection.error is not None
        or selection.key
        or selection.id_prefix
        or selection.arguments
    )
    if statement == "page_completed":
        searched = searched or selection.queue is not None
    elif statement != "page_waiting":
        return {"limit": limit, "most_searched": MOST_SEARCHED}
    if searched:
        return {"limit": limit, "most_searched": MOST_SEARCHED, "breadth": RUNS_SEARCHED}
    return {"limit": limit, "most_searched": 0, "breadth": limit}
