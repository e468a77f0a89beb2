"""Settings from the environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pg_scheduler.domain.errors import ConfigurationError

_WORDS = {
    "true": True,
    "yes": True,
    "on": True,
    "1": True,
    "false": False,
    "no": False,
    "off": False,
    "0": False,
}


def settings_from(environment: Mapping[str, str]) -> dict[str, Any]:
    """Arguments for `Scheduler` from ``DATABASE_URL``, ``MAX_CONCURRENT_JOBS``, ``MISFIRE_GRACE_TIME``
    (seconds, or "none") and ``VACUUM_ENABLED``. Only the first must be set.

    Raises:
        ConfigurationError: a variable is missing or cannot be read; the message names it.
    """
    dsn = environment.get("DATABASE_URL")
    if not dsn:
        raise ConfigurationError(
            "DATABASE_URL is not set. Write DATABASE_URL=postgresql://user@host:5432/database"
        )
    settings: dict[str, Any] = {"db_pool": dsn}
    if capacity := environment.get("MAX_CONCURRENT_JOBS"):
        settings["max_concurrent_jobs"] = _whole("MAX_CONCURRENT_JOBS", capacity)
    if grace := environment.get("MISFIRE_GRACE_TIME"):
        never = grace.strip().lower() == "none"
        settings["misfire_grace_time"] = None if never else _whole("MISFIRE_GRACE_TIME", grace)
    if vacuum := environment.get("VACUUM_ENABLED"):
        word = vacuum.strip().lower()
        if word not in _WORDS:
            raise ConfigurationError(f"VACUUM_ENABLED: expected true or false, got {vacuum!r}")
        settings["vacuum_enabled"] = _WORDS[word]
    return settings


def _whole(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ConfigurationError(f"{name}: expected a whole number, got {text!r}") from None
