"""Metrics of a worker for Prometheus: ``Scheduler(dsn, observers=[WorkerMetrics()])``."""

from pg_scheduler_prometheus.worker_metrics import WorkerMetrics

__all__ = ["WorkerMetrics"]
