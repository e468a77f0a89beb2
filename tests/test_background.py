"""The tests in the background of a shell, where SIGINT and SIGHUP are ignored."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.ignored_signals import MAYBE_IGNORED, ignoring
from tests.support.processes import ROOT

_SHOWING = f"""
import signal
print(*(signal.getsignal(number) is signal.SIG_IGN for number in {[*map(int, MAYBE_IGNORED)]}))
"""


def ignored_by_a_child() -> list[str]:
    """Whether a process that starts now ignores each of the signals."""
    return subprocess.run([sys.executable, "-c", _SHOWING], capture_output=True, text=True).stdout.split()


def test_processes_that_tests_start_hear_signals() -> None:
    assert ignored_by_a_child() == ["False", "False"]


@pytest.mark.parametrize("processes", ["0", pytest.param("1", marks=pytest.mark.slow)])
def test_processes_that_tests_start_hear_signals_that_the_tests_ignore(processes: str) -> None:
    test = f"{__file__}::{test_processes_that_tests_start_hear_signals.__name__}"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", processes, test]
    with ignoring(*MAYBE_IGNORED):
        assert ignored_by_a_child() == ["True", "True"], "the control"
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
