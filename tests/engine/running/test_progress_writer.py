"""Reports whose rows somebody holds are written later, and hold up no others."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, cast

from pg_scheduler.domain.model import Lease, Progress
from pg_scheduler.engine.running.progress_writer import ProgressWriter
from pg_scheduler.ports.job_store import JobStore
from pg_scheduler.testing import ManualClock

HELD, FREE = Lease("held", 1), Lease("free", 1)


class Holding:
    """A store in which somebody's transaction holds one row."""

    def __init__(self) -> None:
        self.held: set[Lease] = {HELD}
        self.written: list[dict[Lease, Any]] = []

    async def note_progress(self, reports: Mapping[Lease, Progress]) -> Collection[Lease]:
        self.written.append({lease: one.done for lease, one in reports.items() if lease not in self.held})
        return self.held & set(reports)


async def test_a_held_report_goes_with_the_next_write_unless_there_is_a_later_word() -> None:
    store = Holding()
    writer = ProgressWriter(jobs=cast(JobStore, store), clock=ManualClock())
    writer.put(HELD, Progress(1, None))
    writer.put(FREE, Progress(2, None))
    await writer.flush()
    assert store.written.pop() == {FREE: 2}
    await writer.flush()
    assert store.written.pop() == {}
    store.held.clear()
    writer.put(HELD, Progress(3, None))
    await writer.flush()
    assert store.written.pop() == {HELD: 3}
    await writer.flush()
    assert store.written == []
