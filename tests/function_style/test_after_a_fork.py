"""A scheduler that was made before a fork, as by a server that loads its program before it forks."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from pg_scheduler.client.source import Library

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")


SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("made", "opened", "processes", "connecting")]


@pytest.mark.parametrize("stage", ["running", "left", *SLOW])
def test_each_process_has_a_worker_and_connections_of_its_own(dsn: str, library: Library, stage: str) -> None:
    # Python itself warns of sockets that an event loop left open when it was closed.
    strict = ["-W", "error", "-W", "ignore::ResourceWarning"]
    program = [sys.executable, *strict, "-m", "tests.support.forking", dsn, library, stage]
    done = subprocess.run(program, capture_output=True, text=True, timeout=90, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
