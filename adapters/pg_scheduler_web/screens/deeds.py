"""What may be done to jobs, one or many."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pg_scheduler.domain.acts import Action, Cancel, Delete, Reschedule, Retry
from pg_scheduler.domain.errors import InvalidInput
from pg_scheduler.domain.states import JobStatus
from pg_scheduler_web.access import Right
from pg_scheduler_web.forms import Fields
from pg_scheduler_web.times import delay_of


@dataclass(frozen=True, slots=True)
class Deed:
    """One of them."""

    name: str
    text: str
    """On a button."""
    right: Right
    action: Callable[[Fields], Action]
    possible: frozenset[JobStatus]
    means: str
    """What becomes of the jobs."""
    done: str
    """What has become of them."""

    @property
    def path(self) -> str:
        """Where its form is sent."""
        return f"/jobs/{self.name}"


DEEDS: Mapping[str, Deed] = {
    deed.name: deed
    for deed in (
        Deed(
            "retry", "Retry", Right.RETRY, lambda fields: Retry(), Retry.possible,
            "They run again, now, with their counters at zero.", "will run again",
        ),
        Deed(
            "cancel", "Cancel", Right.CANCEL, lambda fields: Cancel(), Cancel.possible,
            "Those that wait are cancelled; those that run are asked to stop. Retrying undoes it.",
            "cancelled, or asked to stop",
        ),
        Deed(
            "reschedule", "Reschedule", Right.RETRY, lambda fields: Reschedule(delay_of(fields)),
            Reschedule.possible,
            "Those that wait start at the time that you say.", "due at the new time",
        ),
        Deed(
            "delete", "Delete", Right.DELETE, lambda fields: Delete(), Delete.possible,
            "They are removed with their history. Nobody brings them back.", "deleted",
        ),
    )
}  # fmt: skip


def deed_of(fields: Fields) -> Deed:
    """What is asked for.

    Raises:
        InvalidInput: something else.
    """
    name = fields.need("act")
    if name not in DEEDS:
        raise InvalidInput("act", f"there is no act {name[:40]!r}", f"One of: {', '.join(DEEDS)}")
    return DEEDS[name]
