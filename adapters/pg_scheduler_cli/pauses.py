"""What `pause` and `resume` answer, of queues as of tasks."""

from __future__ import annotations

from collections.abc import Sequence

import click

from pg_scheduler_cli.output import print_json


def report_pauses(
    kind: str, names: Sequence[str], changed: Sequence[bool], *, paused: bool, as_json: bool
) -> None:
    """Say of each name whether that was a change. `kind` is the key of the names in JSON."""
    answers = list(zip(names, changed, strict=True))
    if as_json:
        print_json([{kind: one, "paused": paused, "changed": change} for one, change in answers])
        return
    done, state = ("paused", "paused") if paused else ("resumed", "active")
    for one, change in answers:
        click.echo(f"{done} {one}" if change else f"{one} was already {state}")
