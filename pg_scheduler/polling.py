"""How a worker looks for work."""

from pg_scheduler.domain.polling import PollingConfig

__all__ = ["PollingConfig"]
