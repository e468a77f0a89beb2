"""A dashboard for the jobs of a scheduler, as an ASGI application."""

from pg_scheduler_web.access import Access, Right
from pg_scheduler_web.dashboard import dashboard

__all__ = ["Access", "Right", "dashboard"]
