"""Which version this is: the one place that says so."""

from __future__ import annotations

VERSION = "0.3.0"
"""Above 0.2.3: another program of this name was published up to there."""


def install_command(extra: str) -> str:
    """The shell command that installs an extra of this program, and of no earlier one of its name."""
    return f'pip install "pg-scheduler[{extra}]>={VERSION}"'
