"""What happened, line by line, and a digest of it that two runs can compare."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.simulation.laws import Step

SILENT = frozenset(
    [
        "claim",
        "claim_lanes",
        "renew",
        "reclaim_expired",
        "due_schedules",
        "unclaimed",
        "pending_names",
        "workers",
        "install",
        "forget_worker",
        "set_limits",
        "note_progress",
        "prune",
    ]
)
"""Verbs of which only what they moved is worth a line."""


ANSWERS = {True: "", False: " REFUSED", None: " HELD"}


class Trace:
    """Takes down lines; `show` gets each of them, if given."""

    def __init__(self, time: Callable[[], float], show: Callable[[str], None] | None = None) -> None:
        self._time = time
        self._show = show
        self._digest = hashlib.sha256()
        self.lines = 0

    def note(self, who: str, what: str) -> None:
        """One line."""
        line = f"{self._time():10.3f}  {who:<10} {what}"
        self.lines += 1
        self._digest.update(line.encode())
        if self._show is not None:
            self._show(line)

    def effect(self, step: Step) -> None:
        """What a call did to the store."""
        moved = [f"{job_id} {was or '-'}->{now or '-'}" for job_id, was, now in step.moves()]
        said = _said(step)
        if moved or said or step.verb not in SILENT:
            self.note(step.host.name, " ".join([step.verb, *said, *moved]))

    @property
    def digest(self) -> str:
        """Equal for equal traces."""
        return self._digest.hexdigest()[:16]


def _said(step: Step) -> list[str]:
    match step.verb:
        case "settle":
            return [
                f"{told.job_id}/{told.epoch} {told.verdict.event}{ANSWERS[accepted]};"
                for told, accepted in zip(step.args[0], step.answer.accepted, strict=True)
            ]
        case "claim" | "claim_lanes":
            return [f"{job.job_id}/{job.epoch}" for job in step.answer.jobs]
        case "renew":
            lost = [lease for lease in step.args[0].leases if lease not in step.answer.held]
            return [f"lost {lease.job_id}/{lease.epoch}" for lease in lost]
        case "advance_schedules":
            return [str(step.answer)]
    return []
