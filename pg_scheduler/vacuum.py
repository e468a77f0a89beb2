"""How long finished jobs are kept: the settings."""

from pg_scheduler.domain.retention import VacuumConfig, VacuumPolicy, VacuumTrigger

__all__ = ["VacuumConfig", "VacuumPolicy", "VacuumTrigger"]
