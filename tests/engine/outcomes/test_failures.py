"""Whatever a function raises, in whatever runs it: its job ends, and the row says why."""

from __future__ import annotations

import pytest

from pg_scheduler import JobStatus
from pg_scheduler.domain.verdict import MAX_MESSAGE, MAX_TRACEBACK
from tests.engine.outcomes.conftest import WAYS, Scene
from tests.engine.outcomes.failures import FAILURES, fail, fail_async

pytestmark = pytest.mark.slow_with("psycopg")

MARGIN = 100
"""Characters of the note that something was left out."""


def is_storable(text: str, limit: int) -> bool:
    return "\x00" not in text and len(text) <= limit + MARGIN and bool(text.encode())


@pytest.mark.parametrize("way", WAYS)
async def test_every_failure_ends_its_job_with_a_readable_reason(scene: Scene, way: str) -> None:
    await WAYS[way](scene, FAILURES, fail, fail_async)
    wrong = []
    for name, failure in FAILURES.items():
        record, history = await scene.ended(name)
        said = record.error_message or ""
        wanted = failure.says if failure.afar is None or way != "process" else failure.afar
        last = history[-1] if history else None
        fine = (
            record.status is JobStatus.FAILED
            and wanted in said
            and is_storable(said, MAX_MESSAGE)
            and last is not None
            and last.outcome == "failed"
            and last.error_message == said
            and is_storable(last.traceback or "", MAX_TRACEBACK)
        )
        if not fine:
            wrong.append((name, record.status, said[:200], [one.outcome for one in history]))
    assert wrong == []
