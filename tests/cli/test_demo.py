"""The demo, as a stranger runs it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

DEMO = [sys.executable, "-m", "pg_scheduler_cli.demo"]


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where the demo puts its server; short, because a socket's path must be."""
    with tempfile.TemporaryDirectory(prefix="demo-") as name:
        yield Path(name)


@pytest.mark.slow
def test_the_demo_shows_everything_and_cleans_up(folder: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(folder)}
    played = subprocess.run(DEMO, capture_output=True, text=True, timeout=100, check=False, env=environment)
    assert played.returncode == 0, played.stdout + played.stderr
    assert "killing" in played.stdout
    assert "recovered and completed by another" in played.stdout
    assert "NOT ok" not in played.stdout
    assert list(folder.iterdir()) == []


@pytest.mark.slow
def test_ctrl_c_in_the_middle_leaves_nothing_behind(folder: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(folder)}
    with subprocess.Popen(DEMO, stdout=subprocess.PIPE, text=True, env=environment) as demo:
        assert demo.stdout is not None
        for line in demo.stdout:
            if "killing" in line:
                break
        children = psutil.Process(demo.pid).children(recursive=True)
        demo.send_signal(signal.SIGINT)
        demo.stdout.read()
        assert demo.wait(60) == 1
    _, alive = psutil.wait_procs(children, timeout=15)
    assert alive == []
    assert list(folder.iterdir()) == []
