"""Code of your own around every attempt, and before every job is stored."""

from pg_scheduler.ports.middleware import Middleware, OutgoingJob

__all__ = ["Middleware", "OutgoingJob"]
