"""`pgq audit`: who changed what by hand."""

from __future__ import annotations

import click

from pg_scheduler_cli.job_words import harmless
from pg_scheduler_cli.options import Connection, as_json, reading
from pg_scheduler_cli.output import print_json, print_table
from pg_scheduler_cli.times import read_time


@click.command()
@click.option("--since", metavar="TIME", help="Only what was done then or later: 24h (ago), 7d, or ISO 8601.")
@click.option(
    "--limit", default=100, show_default=True, type=click.IntRange(min=1), help="Maximum number of acts."
)
@reading
@as_json
def audit(connection: Connection, since: str | None, limit: int, as_json: bool) -> None:
    """Show what was done by hand and changed something, the latest first: pauses, limits of queues, cancelled
    and retried jobs, and what workers were asked for.

    A command of `pgq` is recorded in the transaction in which it acts; so is a call of a program with `by=`.
    """
    earliest = None if since is None else read_time("--since", since)
    found = connection.ask(lambda queries: queries.client.audit(since=earliest, limit=limit))
    if as_json:
        print_json(
            [
                {
                    "id": one.audit_id, "at": one.at, "actor": one.actor.name, "via": one.actor.via,
                    "act": one.act, "subject": one.subject, "affected": one.affected,
                }
                for one in found
            ]
        )  # fmt: skip
        return
    if not found:
        click.echo("Nobody has changed anything by hand.")
        return
    print_table(
        ["AT", "ACTOR", "VIA", "ACT", "SUBJECT", "AFFECTED"],
        [
            [one.at, harmless(one.actor.name), harmless(one.actor.via), harmless(one.act),
             harmless(one.subject), one.affected]
            for one in found
        ],
    )  # fmt: skip
