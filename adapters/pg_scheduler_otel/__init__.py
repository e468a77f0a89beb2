"""Traces of jobs for OpenTelemetry: ``Scheduler(dsn, middleware=[Tracing()])``."""

from pg_scheduler_otel.tracing import Tracing

__all__ = ["Tracing"]
