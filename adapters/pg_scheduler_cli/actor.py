"""Who types a command."""

from __future__ import annotations

import getpass
import socket

from pg_scheduler.domain.audit import Actor


def whoever_types() -> Actor:
    """The user of the operating system, and the machine."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no name
        user = "unknown"
    return Actor(f"{user}@{socket.gethostname()}", "cli")
