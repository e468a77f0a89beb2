"""Pieces of SQL that statements include by name, made from the tables' columns. Others are files in
`fragments/`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pg_scheduler.domain.minutes import BUCKETS, COUNTS
from pg_scheduler.domain.model import START_ORDER_FIELDS
from pg_scheduler_postgres.catalog import TABLES
from pg_scheduler_postgres.columns import (
    CLAIMED,
    FRESH_EPOCH,
    JOB_COLUMNS,
    PRODUCED,
    QUEUE_HAS_LIMITS,
    SHOWN,
    STORED,
    TASK_HAS_LIMITS,
    JobColumn,
    parameters_of,
    readable_time,
)

_WIDTH = 100
"""Of a line, in characters, before it is indented."""


def _list(items: Iterable[str]) -> str:
    """Items separated by commas, in lines that can be read."""
    lines = [""]
    for item in items:
        if lines[-1] and len(lines[-1]) + len(item) > _WIDTH:
            lines.append("")
        lines[-1] += f" {item}," if lines[-1] else f"{item},"
    return "\n".join(lines).removesuffix(",") + "\n"


def _stored(columns: Sequence[JobColumn], written: str) -> str:
    parameters = {one.name: written.format(name=one.name, type=one.type) for one in parameters_of(columns)}
    return _list(column.stored.format_map(parameters) for column in columns)


def _storing(what: str, columns: Sequence[JobColumn]) -> dict[str, str]:
    """What a statement that stores these columns says of them."""
    parameters = parameters_of(columns)
    return {
        f"{what}_columns": _list(column.name for column in columns),
        f"given_{what}_names": _list(one.name for one in parameters),
        f"given_{what}_arrays": _list(f":every_{one.name}::{one.type}[]" for one in parameters),
        f"given_{what}_values": _stored(columns, "given.{name}"),
    }


def _claim_order() -> str:
    columns = {column.new: column.name for column in JOB_COLUMNS if column.new}
    return f"ORDER BY {', '.join(columns[field] for field in START_ORDER_FIELDS)}\n"


def _summed(array: str) -> list[str]:
    """The sums of an array's places, as an array."""
    sums = [f"pg_catalog.sum(minutes.{array}[{place}])::integer" for place in range(1, BUCKETS + 1)]
    return [f"ARRAY[{sums[0]}", *sums[1:-1], f"{sums[-1]}] AS {array}"]


_KEPT_BY_A_NEW_DEFINITION = ("job_id", "created_at")

COLUMN_FRAGMENTS: dict[str, str] = {
    "fresh_epoch": f"{FRESH_EPOCH}\n",
    "every_table": _list(f':"schema".{table.name}' for table in TABLES),
    "claim_order": _claim_order(),
    "task_has_limits": f"({TASK_HAS_LIMITS})\n",
    "queue_has_limits": f"({QUEUE_HAS_LIMITS})\n",
    "oldest_due": f"{readable_time('pg_catalog.min(waiting.oldest)')} AS oldest\n",
    "place_at": f"{readable_time('place.at')} AS place_at\n",
    "summed_counts": _list(f"pg_catalog.sum(minutes.{name})::integer AS {name}" for name in COUNTS),
    "summed_durations": _list(_summed("waits") + _summed("runs")),
    "claimed_columns": _list(column.read for column in CLAIMED),
    "shown_columns": _list(column.read for column in SHOWN),
    **_storing("job", PRODUCED),
    **_storing("run", STORED),
    "one_jobs_values": _stored(PRODUCED, ":{name}::{type}"),
    "replaced_columns": ",\n".join(
        f"{column.name} = EXCLUDED.{column.name}"
        for column in STORED
        if column.name not in _KEPT_BY_A_NEW_DEFINITION
    )
    + "\n",
}
"""Text by name."""
