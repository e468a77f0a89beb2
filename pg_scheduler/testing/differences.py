"""What was expected of a job, and how those that are there differ from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from pg_scheduler.domain.model import JobRecord
from pg_scheduler.ports.codec import Codec

MOST_COMPARED = 10
"""Jobs that a failed assertion compares; the most similar ones."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What must be equal; None: anything."""

    args: list[Any] | None = None
    kwargs: dict[str, Any] | None = None
    payload: bytes | None = None
    at: datetime | None = None
    queue: str | None = None

    def unlike(self, job: JobRecord, codec: Codec) -> dict[str, tuple[Any, Any]]:
        """What is not as it was wanted, by name: wanted and found."""
        args, kwargs = codec.decode_arguments(job.task_data)
        found = Wanted(list(args), dict(kwargs), job.payload, job.execution_time, job.queue)
        return {
            name: (wanted, getattr(found, name))
            for name, wanted in self.given().items()
            if wanted != getattr(found, name)
        }

    def given(self) -> dict[str, Any]:
        """What was said, by name."""
        given = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: value for name, value in given.items() if value is not None}

    def __str__(self) -> str:
        return " ".join(f"{name}={_shown(value)}" for name, value in self.given().items())


def difference(
    name: str,
    wanted: Wanted,
    count: int | None,
    found: Sequence[JobRecord],
    matching: int,
    others: Sequence[str],
    codec: Codec,
) -> str:
    """The text of a failed assertion."""
    number = "a job" if count is None else f"{count} jobs"
    wishes = f" with {wanted}" if wanted.given() else ""
    lines = [f"expected {number} of {name!r}{wishes}; {matching} match. Pending:"]
    if not found:
        lines.append("  nothing" + (f" of this task, but of {', '.join(others)}" if others else ""))
    unlike = {job.job_id: wanted.unlike(job, codec) for job in found}
    for job in sorted(found, key=lambda job: len(unlike[job.job_id]))[:MOST_COMPARED]:
        lines.append(f"  {_call(name, job, codec)} at {job.execution_time.isoformat()}")
        for what, (expected, got) in unlike[job.job_id].items():
            lines += [
                f"    {what} expected {_shown(expected)}",
                f"    {' ' * len(what)}      got {_shown(got)}",
            ]
    if len(found) > MOST_COMPARED:
        lines.append(f"  and {len(found) - MOST_COMPARED} more")
    return "\n".join(lines)


def _call(name: str, job: JobRecord, codec: Codec) -> str:
    args, kwargs = codec.decode_arguments(job.task_data)
    shown = [_shown(one) for one in args] + [f"{key}={_shown(value)}" for key, value in kwargs.items()]
    if job.payload is not None:
        shown.append(_shown(job.payload))
    return f"{name.rpartition(':')[2]}({', '.join(shown)})"


def _shown(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else repr(value)
