"""What `make` runs, as it says without doing it."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys

import pytest

from tests.support.processes import ROOT

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def commands_of(*arguments: str) -> str:
    """The commands of a target, one a line."""
    environment = {
        name: value for name, value in os.environ.items() if name != "PYTHON" and "MAKE" not in name
    }
    done = subprocess.run(
        ["make", "-n", *arguments], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    return done.stdout + done.stderr


def markers(target: str) -> list[str]:
    """What the target's pytest is told to select."""
    (command,) = (line for line in commands_of(target).splitlines() if " -m pytest " in line)
    words = shlex.split(command)
    return words[words.index("-m", words.index("pytest")) + 1 :]


def test_what_make_test_leaves_out_make_slow_runs_and_ci_runs_both() -> None:
    assert (markers("test"), markers("slow")) == (["not slow"], ["slow"])
    ci = (ROOT / ".ci" / "run").read_text().splitlines()
    assert {"make test", "make slow"} <= set(ci)


def test_a_python_that_is_named_has_an_environment_of_its_own() -> None:
    version = "{}.{}".format(*sys.version_info)
    assert f"-m venv .venv-{version}\n" in commands_of("-B", "setup", f"PYTHON={sys.executable}")
    assert "-m venv .venv\n" in commands_of("-B", "setup")


def test_a_python_that_is_not_there_is_named() -> None:
    assert "PYTHON=python9 does not run" in commands_of("test", "PYTHON=python9")
