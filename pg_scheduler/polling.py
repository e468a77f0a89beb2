"""How a worker looks for work."""

from __future__ import annotations

from dataclasses import dataclass

from pg_scheduler.domain.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class PollingConfig:
    """When to look for jobs without being told. Signals (LISTEN) and the timer for the next due job start
    jobs within milliseconds; polling is the safety net behind them."""

    interval: float = 30.0
    """Seconds between polls of an idle worker that listens. At most 50: jobs due later than a minute from
    now are not signalled, so the poll must come round before."""
    interval_without_listen: float = 1.0
    """Seconds between polls while signals do not arrive: LISTEN is off, or its connection is broken."""
    jitter: float = 0.1
    """Share by which each interval varies, from 0 to 0.5, so that workers do not poll in step."""
    listen: bool = True
    """False behind a pooler that cannot LISTEN (PgBouncer in transaction mode)."""

    def __post_init__(self) -> None:
        if not 0 < self.interval <= 50:
            raise ConfigurationError(f"polling interval: expected seconds up to 50, got {self.interval}")
        if not 0 < self.interval_without_listen <= 50:
            raise ConfigurationError(
                "polling interval_without_listen: expected seconds up to 50, "
                f"got {self.interval_without_listen}"
            )
        if not 0 <= self.jitter <= 0.5:
            raise ConfigurationError(f"polling jitter: expected 0 to 0.5, got {self.jitter}")
