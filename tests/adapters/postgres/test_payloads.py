"""What notifications say: to this version, to older ones, and by newer ones."""

from __future__ import annotations

import pytest

from pg_scheduler.ports.signals import Looked, Signal, SignalKind
from pg_scheduler_postgres.payloads import ECHO, looked_of, payload_of, repeats, signal_of

STORED = 'due {"key": "a", "jobs": 2, "due_in": 1.5, "queue": "q", "task": null, "lanes": %s}'


@pytest.mark.parametrize(
    ("payload", "signal"),
    [
        ("due", Signal(SignalKind.DUE)),
        ("lane", Signal(SignalKind.LANE)),
        (STORED % "false", Signal(SignalKind.DUE, "a", 2, 1.5, "q", None)),
        (STORED % "true", Signal(SignalKind.LANE, "a", 2, 1.5, "q", None)),
        (ECHO + "7f", None),
    ],
)
def test_it_is_understood(payload: str, signal: Signal | None) -> None:
    assert signal_of(payload) == signal


@pytest.mark.parametrize(
    "payload",
    ["", "news", "due ", "due {", "due []", "due 7", 'due {"key": "a"}', STORED % 'false, "more": 1'],
)
def test_what_a_newer_version_says_makes_this_one_look(payload: str) -> None:
    found = signal_of(payload)
    assert found is not None
    assert found.kind is SignalKind.DUE


def test_what_workers_tell_each_other_is_no_reason_to_look() -> None:
    looked = Looked("worker", "likes", 1.5, True, 2.5)
    assert signal_of(payload_of(looked)) is None
    assert looked_of(payload_of(looked)) == looked


@pytest.mark.parametrize("payload", ["due", ECHO + "looked", ECHO + "looked {", ECHO + 'looked {"news": 1}'])
def test_what_is_no_such_word_or_a_newer_one_is_ignored(payload: str) -> None:
    assert looked_of(payload) is None


def test_the_second_word_on_lanes_that_older_versions_need_says_nothing_to_this_one() -> None:
    assert repeats(STORED % "true", "lane")
    assert not repeats(STORED % "false", "lane")
    assert not repeats("lane", "lane")
    assert not repeats(STORED % "true", "due")
