"""The events of a worker, and which of its services react to each.

A service knows the events that it causes, never who reacts to them. `REACTIONS` is the complete table; the
composition says how each reaction is carried out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum, auto


class Event(StrEnum):
    """What happened."""

    JOB_DUE_SIGNAL = auto()
    """A signal that a job is due may have been missed. What is heard goes to `Turns`."""
    LANE_SIGNAL = auto()
    """A signal that a lane has something to give may have been missed."""
    CANCEL_SIGNAL = auto()
    """Somebody wants a running job to stop."""
    SCHEDULE_SIGNAL = auto()
    """A schedule has changed, or its unfinished run has finished."""
    WISH_SIGNAL = auto()
    """Somebody has asked a worker for something, perhaps this one."""
    SIGNALS_BACK = auto()
    """Signals arrive again: the server was away, and the one that is there may lack the latest commits."""
    WINDOWS_STAGED = auto()
    """Windows of schedules have become jobs."""
    WINDOWS_MOVED = auto()
    """By new zone data the next windows of schedules are at other times."""
    LIMITS_STORED = auto()
    """Limits hold now that did not before."""
    TASKS_CHANGED = auto()
    """Tasks are known that were not before: jobs and schedules of theirs may be waiting."""
    JOBS_RECLAIMED = auto()
    """Jobs of silent workers are due again, or ended without being settled."""
    JOBS_EXPIRED = auto()
    """A claim found jobs that were too late to start."""
    RENEWAL_FAILED = auto()
    """This worker's leases could not be renewed: the database is out of reach, for others too."""
    ATTEMPT_TO_REPEAT = auto()
    """A settled job is pending again, perhaps due before anything this worker knows of."""
    LANE_FREED = auto()
    """A job of a lane was settled: there is room for another."""
    COMPLETED_ELSEWHERE = auto()
    """A job was completed in a transaction of its own, which deletes nothing."""
    SCHEDULED_RUN_ENDED = auto()
    """A run of a schedule was settled: the next window may have been waiting for it."""
    JOBS_DUE_HERE = auto()
    """A client in this process has stored or reopened jobs, or resumed a queue, while no signals arrive."""
    CANCEL_REQUESTED_HERE = auto()
    """A client in this process wants a running job to stop."""
    WISH_CHANGED_HERE = auto()
    """A client in this process has asked a worker for something."""
    JOB_ENDED_HERE = auto()
    """A client in this process has ended a job that no worker settles."""
    SCHEDULES_CHANGED_HERE = auto()
    """A client in this process has added, changed, paused or resumed a schedule."""


class Reaction(StrEnum):
    """What a worker can do about it."""

    CLAIM = auto()
    CLAIM_FROM_LANES = auto()
    LOOK_FOR_STRAYS = auto()
    LOOK_FOR_CANCELLATIONS = auto()
    LOOK_FOR_WISHES = auto()
    DESCRIBE_WORKER = auto()
    STAGE_WINDOWS = auto()
    LOOK_AFTER_SCHEDULES = auto()
    REGISTER_SCHEDULES = auto()
    STORE_LIMITS = auto()
    PRUNE = auto()
    WAIT_BEFORE_RECLAIMING = auto()


REACTIONS: Mapping[Event, tuple[Reaction, ...]] = {
    Event.JOB_DUE_SIGNAL: (Reaction.CLAIM,),
    Event.LANE_SIGNAL: (Reaction.CLAIM_FROM_LANES,),
    Event.CANCEL_SIGNAL: (Reaction.LOOK_FOR_CANCELLATIONS,),
    Event.SCHEDULE_SIGNAL: (Reaction.STAGE_WINDOWS, Reaction.LOOK_AFTER_SCHEDULES),
    Event.WISH_SIGNAL: (Reaction.LOOK_FOR_WISHES,),
    Event.SIGNALS_BACK: (Reaction.LOOK_FOR_STRAYS, Reaction.REGISTER_SCHEDULES),
    Event.WINDOWS_STAGED: (Reaction.CLAIM,),
    Event.WINDOWS_MOVED: (Reaction.STAGE_WINDOWS,),
    Event.LIMITS_STORED: (Reaction.CLAIM_FROM_LANES,),
    Event.TASKS_CHANGED: (
        Reaction.STORE_LIMITS,
        Reaction.CLAIM_FROM_LANES,
        Reaction.STAGE_WINDOWS,
        Reaction.DESCRIBE_WORKER,
    ),
    Event.JOBS_RECLAIMED: (Reaction.CLAIM_FROM_LANES, Reaction.STAGE_WINDOWS, Reaction.PRUNE),
    Event.JOBS_EXPIRED: (Reaction.PRUNE,),
    Event.RENEWAL_FAILED: (Reaction.WAIT_BEFORE_RECLAIMING, Reaction.LOOK_FOR_STRAYS),
    Event.ATTEMPT_TO_REPEAT: (Reaction.CLAIM,),
    Event.LANE_FREED: (Reaction.CLAIM_FROM_LANES,),
    Event.COMPLETED_ELSEWHERE: (Reaction.PRUNE,),
    Event.SCHEDULED_RUN_ENDED: (Reaction.STAGE_WINDOWS,),
    Event.JOBS_DUE_HERE: (Reaction.CLAIM_FROM_LANES,),
    Event.CANCEL_REQUESTED_HERE: (Reaction.LOOK_FOR_CANCELLATIONS,),
    Event.WISH_CHANGED_HERE: (Reaction.LOOK_FOR_WISHES,),
    Event.JOB_ENDED_HERE: (Reaction.PRUNE,),
    Event.SCHEDULES_CHANGED_HERE: (Reaction.STAGE_WINDOWS,),
}
"""`CLAIM_FROM_LANES` also claims outside lanes. The order within a line does not matter: reactions wake
services, which act in their own time."""


class Events:
    """Carries out the reactions to what happens in one worker."""

    def __init__(self) -> None:
        self._reactions: dict[Event, tuple[Callable[[], None], ...]] = {}

    def connect(self, reactions: Mapping[Reaction, Callable[[], None]]) -> None:
        """Say how each reaction is carried out; before the worker starts.

        Raises:
            KeyError: one is missing.
        """
        self._reactions = {
            event: tuple(reactions[reaction] for reaction in wanted) for event, wanted in REACTIONS.items()
        }

    def emit(self, event: Event) -> None:
        """It happened: everybody whom it concerns reacts."""
        for react in self._reactions[event]:
            react()

    def on(self, event: Event) -> Callable[[], None]:
        """A callable that emits it."""
        return lambda: self.emit(event)
