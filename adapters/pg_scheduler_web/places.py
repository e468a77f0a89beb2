"""Where things are to be seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pg_scheduler.domain.problem import About, Problem

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
