"""Where things are to be seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pg_scheduler.domain.problem import About, Problem
from pg_scheduler_web.access import Right

PLACES: Mapping[About, tuple[str, str]] = {
    About.TASK: ("/task", "name"),
    About.LANE: ("/task", "name"),
    About.QUEUE: ("/queue", "name"),
    About.SCHEDULE: ("/schedule", "key"),
}
"""The screen of one thing of a kind, and what the address calls its name."""
LISTS: Mapping[About, str] = {
    About.TASK: "/tasks",
    About.LANE: "/tasks",
    About.QUEUE: "/queues",
    About.SCHEDULE: "/schedules",
    About.WORKER: "/workers",
    About.JOBS: "/jobs",
    About.TRANSACTION: "/system",
    About.SERVER: "/system",
    About.TABLE: "/system",
    About.SCHEMA: "/system",
}
"""The screen of a kind."""


def place_of(link: Callable[..., str], problem: Problem) -> str | None:
    """The address of what a problem is about."""
    if problem.subject is not None and problem.about in PLACES:
        path, name = PLACES[problem.about]
        return link(path, **{name: problem.subject})
    return link(LISTS[problem.about]) if problem.about in LISTS else None


@dataclass(frozen=True, slots=True)
class Remedy:
    """A form that takes a problem away, right where it is told."""

    path: str
    text: str
    """On its button."""
    right: Right
    fields: Mapping[str, str]


_REMEDIES: Mapping[tuple[str, About], tuple[str, str, Right, str]] = {
    ("paused", About.QUEUE): ("/queues/resume", "Resume", Right.PAUSE, "name"),
    ("paused", About.TASK): ("/tasks/resume", "Resume", Right.PAUSE, "name"),
    ("failing", About.TASK): ("/tasks/pause", "Pause", Right.PAUSE, "name"),
    ("quiet_worker", About.WORKER): ("/workers/resume", "Resume", Right.WORKERS, "id"),
}


def remedy_of(problem: Problem) -> Remedy | None:
    """What can be done about it at once; None if that has to be looked at first, or cannot be done here."""
    found = _REMEDIES.get((problem.code, problem.about))
    if found is None or problem.subject is None:
        return None
    path, text, right, name = found
    return Remedy(path, text, right, {name: problem.subject})
