"""Acts on all jobs that match: how many they are is said before, and no others are touched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from pg_scheduler_cli.errors import EXIT_NOT_CURRENT

AT_MOST = 1_000
"""Jobs that one command changes unless it is told otherwise."""


def bulk(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command that takes a filter the options of bulk acts."""
    for option in (
        click.option("--yes", is_flag=True, help="Do not ask."),
        click.option("--dry-run", is_flag=True, help="Say how many jobs match, and change nothing."),
        click.option(
            "--at-most", default=AT_MOST, show_default=True, type=click.IntRange(min=1),
            help="Maximum number of jobs, the newest first.",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


def agreed(verb: str, number: int, more: bool, *, yes: bool, dry_run: bool) -> bool:
    """Whether so many jobs are to be changed; False: there is nothing to do, and it has been said why.

    Raises:
        SystemExit: whoever was asked does not want it.
    """
    many = f"the {number} newest of more jobs that match" if more else f"{number} jobs that match"
    if dry_run or not number:
        click.echo(f"{verb} would change {many}" if number else "No job matches.", err=True)
        return False
    if not yes and not click.confirm(f"{verb.capitalize()} {many}?", err=True):
        click.echo("Nothing was changed.", err=True)
        raise SystemExit(EXIT_NOT_CURRENT)
    return True
