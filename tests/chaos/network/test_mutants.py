"""The guards that the mutants take out are still where they look for them."""

from __future__ import annotations

import pytest

from tests.chaos.mutating import ROOT, Mutant
from tests.chaos.network.mutants import MUTANTS
from tests.chaos.network.scenarios import SCENARIOS


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"{mutant.scenario}: {mutant.guard}")
def test_a_mutant_finds_the_text_of_its_guard_once(mutant: Mutant) -> None:
    for file, text, _ in mutant.edits:
        assert (ROOT / file).read_text().count(text) == 1, file


def test_every_network_scenario_has_a_mutant() -> None:
    assert {mutant.scenario for mutant in MUTANTS} == set(SCENARIOS)
