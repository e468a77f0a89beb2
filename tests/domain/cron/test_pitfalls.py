"""What is said about cron expressions that mean something else than they look."""

from __future__ import annotations

import pytest

from pg_scheduler.domain.cron_pitfalls import pitfalls_of


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("0 3 1 * MON", "a day that matches either"),
        ("*/45 * * * *", "does not run every 45 minutes: it begins anew at 0, 15 minutes after 45"),
        ("0 */5 * * *", "does not run every 5 hours: it begins anew at 0, 4 hours after 20"),
        ("0 3 31 * *", "only in months that have a day 31"),
        ("* 3 * * *", "in every minute of the hours 3"),
    ],
)
def test_it_is_said_what_they_mean(expression: str, words: str) -> None:
    (said,) = pitfalls_of(expression)
    assert words in said


@pytest.mark.parametrize(
    "expression",
    [
        "0 3 * * MON-FRI",
        "*/15 * * * *",
        "0 */6 * * *",
        "0 3 31 1 *",
        "0 3 1 * ?",
        "* * * * *",
        "@daily",
        "*/0 * * * *",
    ],
)
def test_of_others_there_is_nothing_to_say(expression: str) -> None:
    assert pitfalls_of(expression) == []
