"""Acts on schedules."""

from __future__ import annotations

from pg_scheduler.domain.errors import InvalidInput
from pg_scheduler.domain.identity import checked_name
from pg_scheduler_web.access import Access
from pg_scheduler_web.desk import Desk
from pg_scheduler_web.forms import Fields
from pg_scheduler_web.notes import Note
from pg_scheduler_web.times import length_of, time_of
from pg_scheduler_web.words import in_a_line, plural


async def pause(desk: Desk, access: Access, fields: Fields) -> Note:
    """Stage no more windows of it."""
    return await _pause(desk, access, fields, True)


async def resume(desk: Desk, access: Access, fields: Fields) -> Note:
    """Let it go on with the first window after now."""
    return await _pause(desk, access, fields, False)


async def _pause(desk: Desk, access: Access, fields: Fields, paused: bool) -> Note:
    key = checked_name("key", fields.need("key"))
    done = await desk.scheduler.schedules.set_paused(key, paused, by=access.actor)
    if not done:
        return _none(key)
    undo = "resume" if paused else "pause"
    text = "is paused." if paused else "goes on with its first run after now."
    return Note(
        f"The schedule {in_a_line(key)} {text}",
        undo=undo.capitalize(), undo_path=f"/schedules/{undo}", undo_fields={"key": key},
    )  # fmt: skip


async def trigger(desk: Desk, access: Access, fields: Fields) -> Note:
    """Run its task now, once."""
    key = checked_name("key", fields.need("key"))
    job_id = await desk.scheduler.schedules.trigger(key, by=access.actor)
    if job_id is None:
        return _none(key)
    return Note(f"The schedule {in_a_line(key)} runs now.", job=job_id)


async def backfill(desk: Desk, access: Access, fields: Fields) -> Note:
    """Run windows that have passed, as many as the page has shown."""
    key = checked_name("key", fields.need("key"))
    now, expected = await desk.now(), fields.whole_number("expected")
    since = time_of("since", fields.need("since"), now)
    until = time_of("until", fields.need("until"), now)
    if expected is None:
        raise InvalidInput("expected", "is missing: how many windows did the page show?")
    assert since is not None
    assert until is not None
    made = await desk.scheduler.schedules.backfill(key, since, until, expected=expected, by=access.actor)
    return Note(
        f"{plural(len(made.windows), 'window')} of {in_a_line(key)} will run.", good=bool(made.windows)
    )


async def edit(desk: Desk, access: Access, fields: Fields) -> Note:
    """Let a schedule that was made at run time run at other times."""
    key = checked_name("key", fields.need("key"))
    cron, every = fields.get("cron"), fields.get("every")
    if (cron is None) == (every is None):
        raise InvalidInput("cron", "give a cron expression or an interval, and not both")
    changes: dict[str, object] = {"cron": cron, "timezone": fields.get("timezone")}
    if every is not None:
        length = length_of(every)
        if length is None:
            raise InvalidInput("every", f"expected a length of time, got {every[:40]!r}", "As 90s, 15m or 1h")
        changes = {"every": length}
    await desk.scheduler.schedules.update(key, changes, by=access.actor)
    return Note(f"The schedule {in_a_line(key)} runs at its new times.")


async def remove(desk: Desk, access: Access, fields: Fields) -> Note:
    """Forget it."""
    key = checked_name("key", fields.need("key"))
    done = await desk.scheduler.schedules.remove(key, by=access.actor)
    return Note(f"The schedule {in_a_line(key)} is removed; its jobs stay.") if done else _none(key)


def _none(key: str) -> Note:
    return Note(f"There is no schedule {in_a_line(key)} any more.", good=False)
