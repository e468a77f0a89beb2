"""Django: its connections as `connection=` and as a source; an app, and a backend for TASKS."""

from typing import Any

__all__ = ["TaskBackend"]


def __getattr__(name: str) -> Any:
    """The backend, imported on first use: apps are not ready when this module is imported."""
    if name == "TaskBackend":
        from pg_scheduler_django.backend import TaskBackend

        return TaskBackend
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
