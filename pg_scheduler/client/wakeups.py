"""How a client wakes the worker of its own process."""

from __future__ import annotations

from typing import Protocol


class Wakeups(Protocol):
    """The local worker as a client sees it. Whatever changes the store through a client reports it here, so
    that this worker reacts at once, with or without LISTEN. Workers elsewhere are woken by signals."""

    def jobs_due(self) -> None:
        """Jobs may be claimable that were not before: stored, reopened, or of a resumed queue."""
        ...

    def cancel_requested(self) -> None:
        """A running job was asked to stop."""
        ...

    def wish_changed(self) -> None:
        """A worker was asked for something, perhaps this one."""
        ...

    def job_ended(self) -> None:
        """A job ended without a worker settling it: retention may have something to delete."""
        ...

    def schedules_changed(self) -> None:
        """A schedule was added, changed, paused or resumed."""
        ...


class NoWorker:
    """For a process that runs no jobs: there is no worker to wake."""

    def jobs_due(self) -> None:
        """Nothing to wake."""

    def cancel_requested(self) -> None:
        """Nothing to wake."""

    def wish_changed(self) -> None:
        """Nothing to wake."""

    def job_ended(self) -> None:
        """Nothing to wake."""

    def schedules_changed(self) -> None:
        """Nothing to wake."""
