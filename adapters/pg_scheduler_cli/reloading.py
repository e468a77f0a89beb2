"""`pgq run --reload`: runs the command in a process of its own, and again whenever the code changes."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Sequence
from pathlib import Path

from pg_scheduler.domain.errors import MissingDependency
from pg_scheduler.domain.version import install_command

log: logging.Logger = logging.getLogger("pg_scheduler.cli.reloading")

STOP_PATIENCE = 10
"""Seconds in which a process has to end before it is killed."""


def run_again_and_again(command: Sequence[str], folder: Path) -> None:
    """Run the command until a signal arrives; end it and run it anew when a Python file below `folder`
    changes. One that has ended by itself, for an error in the code above all, begins anew with the next
    change.

    Raises:
        MissingDependency: watchfiles is not installed.
    """
    try:
        from watchfiles import Change, PythonFilter, run_process
    except ImportError as error:
        raise MissingDependency(
            f"--reload needs watchfiles. Install it with: {install_command('reload')}"
        ) from error

    def changed(changes: set[tuple[Change, str]]) -> None:
        names = ", ".join(sorted({Path(path).name for _, path in changes})[:5])
        log.info("%s changed: starting anew", names)

    log.info("watching the Python files in %s", folder)
    run_process(
        folder, target=shlex.join(command), target_type="command", watch_filter=PythonFilter(),
        callback=changed, sigint_timeout=STOP_PATIENCE, sigkill_timeout=1,
    )  # fmt: skip
