"""Retention of finished jobs: the configuration. The pass that deletes them is not part of this version."""

from pg_scheduler.domain.retention import VacuumConfig, VacuumPolicy, VacuumTrigger

__all__ = ["VacuumConfig", "VacuumPolicy", "VacuumTrigger"]
