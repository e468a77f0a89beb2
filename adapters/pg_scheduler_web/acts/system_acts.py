"""Acts on the tables."""

from __future__ import annotations

from pg_scheduler.domain.errors import InvalidInput
from pg_scheduler_web.access import Access
from pg_scheduler_web.desk import Desk
from pg_scheduler_web.forms import Fields
from pg_scheduler_web.notes import Note
from pg_scheduler_web.words import plural


async def prune(desk: Desk, access: Access, fields: Fields) -> Note:
    """Delete what the policies no longer keep."""
    if not desk.may_prune:
        raise InvalidInput("retention", "the policies are the application's, which this page does not know")
    deleted = await desk.scheduler.run_vacuum()
    number = sum(deleted.values())
    return Note(f"{plural(number, 'job')} deleted." if number else "There was nothing to delete.")
