"""What notifications say, as text.

Versions before this one knew single words: of what they do not know they believe that a job outside lanes is
due, but for what begins with `echo`, which they pass over. So a signal of jobs in lanes consists of two
notifications, the one that says more and then the word that they know, which says nothing to those who heard
the first; and what workers tell each other begins so.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from pg_scheduler.domain.model import NewJob
from pg_scheduler.ports.signals import Looked, Signal, SignalKind

_KINDS = {str(kind): kind for kind in SignalKind}
_STORED = "due "
_IN_LANES = "true}"
"""How that ends which is stored in lanes."""
ECHO = "echo "
"""What a connection sends itself to know that it hears begins so."""
_LOOKED = ECHO + "looked "


def signal_of(payload: str) -> Signal | None:
    """What a notification says; None if it is not meant for those who look for jobs."""
    if payload.startswith(ECHO):
        return None
    if payload.startswith(_STORED):
        try:
            facts = json.loads(payload.removeprefix(_STORED))
            return Signal(
                SignalKind.LANE if facts.get("lanes") else SignalKind.DUE,
                str(facts["key"]),
                max(int(facts["jobs"]), 1),
                max(float(facts["due_in"]), 0.0),
                facts["queue"],
                facts["task"],
            )
        except (ValueError, TypeError, KeyError, AttributeError):
            pass
    # A newer version may say words that this one does not know: looking is never wrong.
    return Signal(_KINDS.get(payload, SignalKind.DUE))


def repeats(before: str, payload: str) -> bool:
    """Whether a notification says no more than the one before it, for versions that did not know that."""
    return payload == SignalKind.LANE and before.startswith(_STORED) and before.endswith(_IN_LANES)


def looked_of(payload: str) -> Looked | None:
    """What another worker has seen; None if a notification does not say such a thing."""
    if not payload.startswith(_LOOKED):
        return None
    try:
        return Looked(**json.loads(payload.removeprefix(_LOOKED)))
    except (ValueError, TypeError):
        return None


def payload_of(looked: Looked) -> str:
    """The same as text."""
    return _LOOKED + json.dumps(asdict(looked))


def stored_payload(jobs: Sequence[NewJob], due_in: float, lanes: bool) -> str:
    """As `fragments/stored_payload.sql`, of jobs that were copied in and are due soon."""
    queues, tasks = {job.queue for job in jobs}, {job.task_name for job in jobs}
    facts: dict[str, Any] = {
        "key": min(job.job_id for job in jobs),
        "jobs": len(jobs),
        "due_in": max(due_in, 0.0),
        "queue": queues.pop() if len(queues) == 1 else None,
        "task": tasks.pop() if len(tasks) == 1 else None,
        "lanes": lanes,
    }
    return _STORED + json.dumps(facts)
