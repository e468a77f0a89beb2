"""One short round for each rival that can be installed; `python -m tests.importing` plays ten long ones."""

from __future__ import annotations

import pytest

from benchmarks.peers.environments import Unavailable
from tests.importing.rivals import RIVALS
from tests.importing.rounds import play


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(RIVALS))
async def test_each_job_runs_once_while_a_rivals_workers_drain(name: str, dsn: str) -> None:
    rival = RIVALS[name]
    try:
        await rival.prepare()
    except Unavailable as reason:
        pytest.skip(f"{name}: {reason}")
    came = await play(rival, dsn, jobs=150, workers=2, batch=20)
    assert not came.wrong, str(came)
    assert came.by["theirs"]
    assert came.by["ours"]
