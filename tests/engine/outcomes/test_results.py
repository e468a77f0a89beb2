"""Whatever a function returns: its work is done, and its job is completed."""

from __future__ import annotations

import pytest

from pg_scheduler import JobStatus
from pg_scheduler.domain.verdict import MAX_MESSAGE
from tests.engine.outcomes.conftest import WAYS, Scene
from tests.engine.outcomes.results import RESULTS, give, give_async

pytestmark = pytest.mark.slow_with("psycopg")


@pytest.mark.parametrize("way", WAYS)
async def test_a_result_that_cannot_be_kept_completes_its_job_and_is_told_of(scene: Scene, way: str) -> None:
    await WAYS[way](scene, RESULTS, give, give_async)
    keeps = way != "schedule"
    wrong = []
    for name in RESULTS:
        record, history = await scene.ended(name)
        said = record.error_message or ""
        fine = (
            (record.status, record.attempt_count, record.result) == (JobStatus.COMPLETED, 1, None)
            and (said.startswith("result not stored: ") if keeps else said == "")
            and len(said) <= MAX_MESSAGE + 100
            and history == []
        )
        if not fine:
            wrong.append((name, record.status, said[:200], [one.outcome for one in history]))
    assert wrong == []
