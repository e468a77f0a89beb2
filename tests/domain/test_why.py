"""How reasons are put: the contract of drivers makes each of them by construction."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pg_scheduler.domain.why import Reason, ago, explain, must_act


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0.0 s"),
        (0.44, "0.4 s"),
        (59.6, "60 s"),
        (119, "119 s"),
        (120, "2 min"),
        (7200, "2 h"),
        (2e5, "2 d"),
    ],
)
def test_an_age_is_said_in_the_largest_unit_of_which_there_are_two(seconds: float, words: str) -> None:
    assert ago(timedelta(seconds=seconds)) == words


def test_somebody_must_act_only_for_what_holds() -> None:
    assert must_act((Reason("paused", True, "", act=True), Reason("busy", True, "")))
    assert not must_act((Reason("paused", False, "", act=True), Reason("busy", True, "")))


def test_what_is_not_there_has_one_reason() -> None:
    assert [reason.code for reason in explain(None)] == ["gone"]
