"""How long finished jobs are kept: the configuration alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pg_scheduler import InvalidInput, VacuumConfig, VacuumPolicy, VacuumTrigger


def test_the_four_policies_are_made_by_name() -> None:
    assert VacuumPolicy.immediate() == VacuumPolicy(VacuumTrigger.IMMEDIATE)
    assert VacuumPolicy.after_days(7) == VacuumPolicy(VacuumTrigger.TIME_BASED, days=7)
    assert VacuumPolicy.keep_last(5) == VacuumPolicy(VacuumTrigger.COUNT_BASED, keep_count=5)
    assert VacuumPolicy.never() == VacuumPolicy(VacuumTrigger.NEVER)


def test_the_defaults_are_the_documented_ones() -> None:
    config = VacuumConfig()
    assert config.completed == VacuumPolicy.after_days(1)
    assert config.failed == VacuumPolicy.after_days(7)
    assert config.cancelled == config.expired == VacuumPolicy.after_days(3)
    assert (config.interval_minutes, config.track_metrics) == (60, False)


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: VacuumPolicy("never"), "trigger"),  # type: ignore[arg-type]
        (lambda: VacuumPolicy(VacuumTrigger.TIME_BASED), "days"),
        (lambda: VacuumPolicy(VacuumTrigger.NEVER, days=1), "days"),
        (lambda: VacuumPolicy(VacuumTrigger.IMMEDIATE, keep_count=1), "keep_count"),
        (lambda: VacuumPolicy.after_days(-1), "days"),
        (lambda: VacuumPolicy.after_days(0.5), "days"),  # type: ignore[arg-type]
        (lambda: VacuumPolicy.after_days(True), "days"),
        (lambda: VacuumPolicy.keep_last("5"), "keep_count"),  # type: ignore[arg-type]
        (lambda: VacuumPolicy.keep_last(2**31), "keep_count"),
        (lambda: VacuumConfig(completed="never"), "completed"),  # type: ignore[arg-type]
        (lambda: VacuumConfig(expired=3), "expired"),  # type: ignore[arg-type]
        (lambda: VacuumConfig(interval_minutes=0), "interval_minutes"),
    ],
)
def test_a_policy_that_cannot_be_is_refused_by_the_name_of_its_field(
    make: Callable[[], Any], field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        make()
    assert refused.value.field == field
