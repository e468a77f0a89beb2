"""What workers are asked for."""

from __future__ import annotations

from pg_scheduler.domain.workers import WishAnswer, WorkerWish
from pg_scheduler_web.access import Access
from pg_scheduler_web.desk import Desk
from pg_scheduler_web.forms import Fields
from pg_scheduler_web.notes import Note
from pg_scheduler_web.words import in_a_line

_DONE = {
    WorkerWish.QUIET: "claims no more; what runs there goes on.",
    WorkerWish.WORK: "claims again.",
    WorkerWish.STOP: "shuts down: what runs there gets its grace, then it is released.",
}


async def quiet(desk: Desk, access: Access, fields: Fields) -> Note:
    """Let it claim no more."""
    return await _ask(desk, access, fields, WorkerWish.QUIET)


async def resume(desk: Desk, access: Access, fields: Fields) -> Note:
    """Let it claim again."""
    return await _ask(desk, access, fields, WorkerWish.WORK)


async def stop(desk: Desk, access: Access, fields: Fields) -> Note:
    """Let it shut down."""
    return await _ask(desk, access, fields, WorkerWish.STOP)


async def _ask(desk: Desk, access: Access, fields: Fields, wish: WorkerWish) -> Note:
    worker = fields.need("id")
    answer = await desk.client.ask_worker(worker, wish, by=access.actor)
    if answer is WishAnswer.UNKNOWN:
        return Note(f"There is no worker {in_a_line(worker)} any more.", good=False)
    again = " It was asked before." if answer is WishAnswer.UNCHANGED else ""
    if wish is not WorkerWish.QUIET:
        return Note(f"The worker {in_a_line(worker)} {_DONE[wish]}{again}")
    return Note(
        f"The worker {in_a_line(worker)} {_DONE[wish]}{again}",
        undo="Resume", undo_path="/workers/resume", undo_fields={"id": worker},
    )  # fmt: skip
