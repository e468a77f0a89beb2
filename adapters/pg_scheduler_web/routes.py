"""Every address of the page, each with the right it takes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from starlette.responses import Response

from pg_scheduler_web.access import Access, Right
from pg_scheduler_web.acts import job_acts, queue_acts, schedule_acts, system_acts, worker_acts
from pg_scheduler_web.desk import Desk
from pg_scheduler_web.forms import Fields
from pg_scheduler_web.live import follow_changes
from pg_scheduler_web.notes import Note
from pg_scheduler_web.rendering import STATIC
from pg_scheduler_web.screens import SCREENS
from pg_scheduler_web.showing import Visit, show
from pg_scheduler_web.static_files import send_static

Act: TypeAlias = Callable[[Desk, Access, Fields], Awaitable[Note]]


@dataclass(frozen=True, slots=True)
class LookRoute:
    """A GET."""

    right: Right
    respond: Callable[[Visit], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class ActRoute:
    """A POST: its form changes something, and a note on the next page says what."""

    right: Right
    act: Act
    back: str
    """The page that follows, unless the form names one."""


Route: TypeAlias = LookRoute | ActRoute
Routes: TypeAlias = Mapping[tuple[str, str], Route]

ACTS: dict[str, ActRoute] = {
    "/jobs/retry": ActRoute(Right.RETRY, job_acts.retry, "/jobs"),
    "/jobs/cancel": ActRoute(Right.CANCEL, job_acts.cancel, "/jobs"),
    "/jobs/reschedule": ActRoute(Right.RETRY, job_acts.reschedule, "/jobs"),
    "/jobs/delete": ActRoute(Right.DELETE, job_acts.delete, "/jobs"),
    "/queues/pause": ActRoute(Right.PAUSE, queue_acts.pause_queue, "/queues"),
    "/queues/resume": ActRoute(Right.PAUSE, queue_acts.resume_queue, "/queues"),
    "/queues/limit": ActRoute(Right.LIMITS, queue_acts.limit_queue, "/queues"),
    "/tasks/limit": ActRoute(Right.LIMITS, queue_acts.limit_task, "/tasks"),
    "/tasks/pause": ActRoute(Right.PAUSE, queue_acts.pause_task, "/tasks"),
    "/tasks/resume": ActRoute(Right.PAUSE, queue_acts.resume_task, "/tasks"),
    "/schedules/pause": ActRoute(Right.SCHEDULES, schedule_acts.pause, "/schedules"),
    "/schedules/resume": ActRoute(Right.SCHEDULES, schedule_acts.resume, "/schedules"),
    "/schedules/trigger": ActRoute(Right.SCHEDULES, schedule_acts.trigger, "/schedules"),
    "/schedules/backfill": ActRoute(Right.SCHEDULES, schedule_acts.backfill, "/schedules"),
    "/schedules/edit": ActRoute(Right.SCHEDULES, schedule_acts.edit, "/schedules"),
    "/schedules/remove": ActRoute(Right.SCHEDULES, schedule_acts.remove, "/schedules"),
    "/workers/quiet": ActRoute(Right.WORKERS, worker_acts.quiet, "/workers"),
    "/workers/resume": ActRoute(Right.WORKERS, worker_acts.resume, "/workers"),
    "/workers/stop": ActRoute(Right.WORKERS, worker_acts.stop, "/workers"),
    "/system/prune": ActRoute(Right.RETENTION, system_acts.prune, "/system"),
}


def routes_of() -> Routes:
    """All of them, by method and path."""
    found: dict[tuple[str, str], Route] = {("POST", path): act for path, act in ACTS.items()}
    for screen in SCREENS:
        found["GET", screen.path] = LookRoute(screen.right, partial(show, screen))
    for name in STATIC:
        found["GET", f"/static/{name}"] = LookRoute(Right.READ, partial(send_static, name))
    found["GET", "/live"] = LookRoute(Right.READ, follow_changes)
    return found
