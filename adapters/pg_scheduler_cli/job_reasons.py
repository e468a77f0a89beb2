"""Reasons why a job does not run, for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pg_scheduler.domain.why import Reason
from pg_scheduler_cli.job_words import harmless


def reason_lines(reasons: Sequence[Reason]) -> Iterator[str]:
    """One line for each: ``x`` before what holds it, a dot before the rest; what to do below it."""
    width = max(len(reason.code) for reason in reasons)
    for reason in reasons:
        mark = "x" if reason.holds else "."
        yield f"  {mark}  {reason.code.ljust(width)}  {harmless(reason.text)}"
        if reason.holds and reason.fix:
            yield f"     {' ' * width}  -> {harmless(reason.fix)}"
