"""Ids of jobs as people type them: whole, or as much of the beginning as names one job."""

from __future__ import annotations

from collections.abc import Sequence

from pg_scheduler.queries import Queries
from pg_scheduler_cli.errors import Failure

SHOWN = 5
"""Jobs that a message names."""


async def whole_ids(queries: Queries, given: Sequence[str]) -> list[str]:
    """The ids that are meant. What no job's id begins with is left as it is.

    Raises:
        Failure: the ids of several jobs begin so.
    """
    return [await _whole_id(queries, one) for one in given]


async def _whole_id(queries: Queries, given: str) -> str:
    if await queries.job(given) is not None:
        return given
    found = await queries.driver.insight.ids_beginning_with(given, SHOWN + 1)
    if len(found) > 1:
        named = ", ".join(found[:SHOWN]) + (" and others" if len(found) > SHOWN else "")
        raise Failure(f"several jobs have ids that begin with {given!r}: {named}. Type more of the id")
    return found[0] if found else given
