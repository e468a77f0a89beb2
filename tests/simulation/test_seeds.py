"""25 seeds, and 175 more in ``make slow``. Many: ``python -m tests.simulation --seeds 10000``."""

from __future__ import annotations

import pytest

from tests.simulation.play import play
from tests.simulation.report import Tally, complaint


@pytest.mark.parametrize(
    "first", [0, *(pytest.param(first, marks=pytest.mark.slow) for first in range(25, 200, 25))]
)
def test_no_law_is_broken_in_whole_clusters_with_faults(first: int) -> None:
    tally = Tally()
    for seed in range(first, first + 25):
        tally.add(play(seed))
    assert not tally.broken, "\n".join(complaint(outcome) for outcome in tally.broken)
    assert tally.jobs > 25
    assert len(tally.faults) > 5, f"hardly anything went wrong: {tally.line()}"


@pytest.mark.parametrize(
    ("seed", "why"),
    [
        (451, "the clock was set back while a step was on its way: its window is still to come"),
        (10098, "a statement was on its way since before an outage: its sender could not know of that"),
    ],
)
def test_what_no_law_may_complain_of(seed: int, why: str) -> None:
    assert play(seed).violations == (), why
