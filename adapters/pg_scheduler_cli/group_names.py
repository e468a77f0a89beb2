"""Groups of failures, by the beginning of their names."""

from __future__ import annotations

from dataclasses import replace

import click

from pg_scheduler.domain.failures import FailureGroup, Failures
from pg_scheduler.domain.selection import Selection
from pg_scheduler.queries import Queries
from pg_scheduler_cli.errors import EXIT_NOT_CURRENT, Failure

GROUPS_SEARCHED = 10_000
"""Groups among which the beginning of a name is looked for."""
WHOLE = 16
"""Characters of a name."""


async def group_named(queries: Queries, given: str) -> tuple[Failures, FailureGroup]:
    """The group whose name begins so.

    Raises:
        Failure: several do.
        SystemExit: none does.
    """
    found = await queries.failures(limit=GROUPS_SEARCHED)
    meant = [group for group in found.groups if group.group.startswith(given)]
    if len(meant) > 1:
        raise Failure(f"{len(meant)} groups begin with {given!r}. Type more of the name")
    if not meant:
        click.echo(f"pgq: no group {given!r} has failed jobs: `pgq failures list` shows them", err=True)
        raise SystemExit(EXIT_NOT_CURRENT)
    return found, meant[0]


async def with_whole_group(queries: Queries, wanted: Selection) -> Selection:
    """The selection with the whole name of its group, if it has the beginning of one.

    Raises:
        Failure, SystemExit: as `group_named`.
    """
    if wanted.error_group is None or len(wanted.error_group) >= WHOLE:
        return wanted
    _, group = await group_named(queries, wanted.error_group)
    return replace(wanted, error_group=group.group)
