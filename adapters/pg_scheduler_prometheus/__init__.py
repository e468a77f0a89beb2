"""Metrics for Prometheus: of a worker, ``Scheduler(dsn, observers=[WorkerMetrics()])``, and of a database."""

from pg_scheduler_prometheus.database_metrics import DatabaseMetrics
from pg_scheduler_prometheus.worker_metrics import WorkerMetrics

__all__ = ["DatabaseMetrics", "WorkerMetrics"]
