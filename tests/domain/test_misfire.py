"""When a job is too late to start at all."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pg_scheduler.domain.misfire import START_TOLERANCE, misfired

lateness = st.timedeltas(timedelta(days=-400), timedelta(days=40_000))
graces = st.integers(0, 2**31 - 1)


@given(lateness, graces)
def test_a_job_misfires_once_it_is_later_than_its_grace(late: timedelta, grace: int) -> None:
    allowed = max(timedelta(seconds=grace), START_TOLERANCE)
    assert misfired(late, grace, ever_started=False) == (late > allowed)


@given(lateness)
def test_a_job_without_a_grace_never_misfires(late: timedelta) -> None:
    assert not misfired(late, None, ever_started=False)


@given(lateness, st.one_of(st.none(), graces))
def test_a_job_that_started_once_never_misfires(late: timedelta, grace: int | None) -> None:
    assert not misfired(late, grace, ever_started=True)


@pytest.mark.parametrize(
    ("seconds", "grace", "expected"),
    [
        (300.0, 300, False),
        (300.000001, 300, True),
        (0.0, 0, False),
        (1.0, 0, False),
        (1.000001, 0, True),
        (-5.0, 0, False),
    ],
)
def test_the_grace_ends_after_its_last_microsecond(seconds: float, grace: int, expected: bool) -> None:
    assert misfired(timedelta(seconds=seconds), grace, ever_started=False) is expected
