"""Pauses and limits."""

from __future__ import annotations

from pg_scheduler.domain.identity import checked_name
from pg_scheduler.domain.queues import checked_queue
from pg_scheduler_web.access import Access
from pg_scheduler_web.desk import Desk
from pg_scheduler_web.forms import Fields
from pg_scheduler_web.notes import Note
from pg_scheduler_web.words import in_a_line


async def pause_queue(desk: Desk, access: Access, fields: Fields) -> Note:
    """Let no worker claim jobs of a queue."""
    return await _pause(desk, access, fields, "queue", True)


async def resume_queue(desk: Desk, access: Access, fields: Fields) -> Note:
    """Let workers claim them again."""
    return await _pause(desk, access, fields, "queue", False)


async def pause_task(desk: Desk, access: Access, fields: Fields) -> Note:
    """Let no worker claim jobs of a task."""
    return await _pause(desk, access, fields, "task", True)


async def resume_task(desk: Desk, access: Access, fields: Fields) -> Note:
    """Let workers claim them again."""
    return await _pause(desk, access, fields, "task", False)


async def _pause(desk: Desk, access: Access, fields: Fields, kind: str, paused: bool) -> Note:
    name = fields.need("name")
    if kind == "queue":
        changed = await desk.client.pause_queue(checked_queue(name), paused, by=access.actor)
    else:
        changed = await desk.client.pause_task(checked_name("task", name), paused, by=access.actor)
    state = "paused" if paused else "resumed"
    if not changed:
        return Note(f"The {kind} {in_a_line(name)} was {state} already.")
    rest = ": what runs goes on, and nothing else is started." if paused else "."
    undo = "resume" if paused else "pause"
    return Note(
        f"The {kind} {in_a_line(name)} is {state}{rest}",
        undo=undo.capitalize(), undo_path=f"/{kind}s/{undo}", undo_fields={"name": name},
    )  # fmt: skip


async def limit_queue(desk: Desk, access: Access, fields: Fields) -> Note:
    """Limit the jobs of a queue, or end its limits."""
    queue = checked_queue(fields.need("name"))
    concurrency, rate = fields.whole_number("concurrency"), fields.number("rate")
    changed = await desk.client.limit_queue(queue, concurrency, rate, by=access.actor)
    if not changed:
        return Note(f"The limits of {in_a_line(queue)} were like that already.")
    words = _in_words(concurrency, rate) or "no limits now"
    return Note(f"The queue {in_a_line(queue)} has {words}.")


async def limit_task(desk: Desk, access: Access, fields: Fields) -> Note:
    """Limit the jobs of a task whatever its code says, or let that hold again."""
    task = checked_name("task", fields.need("name"))
    concurrency, rate = fields.whole_number("concurrency"), fields.number("rate")
    changed = await desk.client.limit_task(task, concurrency, rate, by=access.actor)
    if not changed:
        return Note(f"The limits of {in_a_line(task)} were like that already.")
    words = _in_words(concurrency, rate) or "the limits of its code again"
    return Note(f"The task {in_a_line(task)} has {words}.")


def _in_words(concurrency: int | None, rate: float | None) -> str:
    words = [] if concurrency is None else [f"at most {concurrency:,} at once"]
    words += [] if rate is None else [f"at most {rate:g} starts per second"]
    return ", ".join(words)
