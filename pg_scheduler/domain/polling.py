"""How a worker looks for work."""

from __future__ import annotations

from dataclasses import dataclass

from pg_scheduler.domain.errors import ConfigurationError, shown
from pg_scheduler.domain.inputs import is_finite_number

LONGEST_INTERVAL = 50
"""Jobs due later than a minute from now are not signalled, so the poll must come round before."""


@dataclass(frozen=True, slots=True)
class PollingConfig:
    """How often to poll for jobs without a signal. Signals (LISTEN) and the timer for the next due job start
    jobs within milliseconds; polling is the safety net behind them."""

    interval: float = 30.0
    """Seconds between polls of an idle worker that listens. At most `LONGEST_INTERVAL`."""
    interval_without_listen: float = 1.0
    """Seconds between polls while signals do not arrive: LISTEN is off, or its connection is broken."""
    jitter: float = 0.1
    """Share by which each interval may be shorter, from 0 to 0.5, so that workers do not poll in step."""
    listen: bool = True
    """False behind a pooler that cannot LISTEN (PgBouncer in transaction mode)."""

    def __post_init__(self) -> None:
        for name in ("interval", "interval_without_listen"):
            value = getattr(self, name)
            if not is_finite_number(value) or not 0 < value <= LONGEST_INTERVAL:
                raise ConfigurationError(
                    f"polling {name}: expected seconds, more than 0 and up to {LONGEST_INTERVAL}, "
                    f"got {shown(value)}"
                )
        if not is_finite_number(self.jitter) or not 0 <= self.jitter <= 0.5:
            raise ConfigurationError(f"polling jitter: expected 0 to 0.5, got {shown(self.jitter)}")
        if not isinstance(self.listen, bool):
            raise ConfigurationError(f"polling listen: expected True or False, got {shown(self.listen)}")
