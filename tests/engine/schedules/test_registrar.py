"""What a program is told of schedules that a newer one defines differently."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import pytest

from pg_scheduler.engine.schedules.registrar import Registrar
from pg_scheduler.ports.schedule_store import NewSchedule, ScheduleRecord, ScheduleStore
from pg_scheduler.testing import ManualClock, MemoryDriver
from pg_scheduler.testing.contract.schedule_scene import schedule

MINE = schedule("mine")


class Store:
    """Answers with the row as it is wanted, or as newer code has left it."""

    def __init__(self, record: ScheduleRecord) -> None:
        self._record = record
        self.newer: ScheduleRecord | None = None

    async def register_schedules(
        self, wanted: Sequence[NewSchedule], *, now: object = None
    ) -> list[ScheduleRecord]:
        """The stored records."""
        return [self.newer or self._record]


@pytest.mark.parametrize("retired", [False, True])
async def test_a_newer_definition_is_told_once_and_anew_after_it_was_gone(
    retired: bool, caplog: pytest.LogCaptureFixture
) -> None:
    (record,) = await MemoryDriver().schedules.register_schedules([MINE])
    changed = record if retired else replace(record, new=replace(MINE, spec_hash="newer"))
    newer = replace(changed, retired=retired)
    store, told = Store(record), []
    heard: list[Sequence[str]] = []
    registrar = Registrar(
        schedules=cast(ScheduleStore, store),
        clock=ManualClock(),
        wanted=lambda: [MINE],
        on_changed=heard.append,
    )
    for store.newer in (None, newer, newer, None, newer):
        await registrar.register()
        told.append(caplog.text.count("schedule 'mine': a newer deployment defines it differently"))
    assert told == [0, 1, 1, 1, 2]
    assert registrar.keys == {"mine"}
    assert heard == [["mine"]] * 3
