"""What a task's function is called with."""

from __future__ import annotations

import json
from typing import Any

from pg_scheduler.domain.model import ClaimedJob
from pg_scheduler.ports.codec import Codec

Arguments = tuple[list[Any], dict[str, Any]]

NO_ARGUMENTS = ('{"args": [], "kwargs": {}}', '{"args":[],"kwargs":{}}', "{}")
"""How a job without arguments looks, as PostgreSQL writes it, as it is sent, and where there is nothing."""

_FORM = {"args", "kwargs"}


def arguments_of(job: ClaimedJob, codec: Codec) -> Arguments:
    """The arguments of a job for a plain function, whichever side stored it.

    A payload that is a JSON object of ``args`` and ``kwargs`` holds arguments; no payload means none
    beyond those scheduled; any other payload is the only argument, as bytes.
    """
    if job.payload is None:
        return codec.decode_arguments(job.task_data)
    if _holds_arguments(job.payload):
        return codec.decode_arguments(job.payload.decode())
    return [job.payload], {}


def _holds_arguments(payload: bytes) -> bool:
    try:
        found = json.loads(payload)
    except (ValueError, RecursionError):
        return False
    return (
        isinstance(found, dict)
        and bool(found)
        and set(found) <= _FORM
        and isinstance(found.get("args", []), list)
        and isinstance(found.get("kwargs", {}), dict)
    )
