"""FastAPI and Starlette: a scheduler that lives as long as the application, and jobs as events."""

from pg_scheduler_starlette.dependency import scheduler_of
from pg_scheduler_starlette.lifespan import lifespan
from pg_scheduler_starlette.streams import event_stream

__all__ = ["event_stream", "lifespan", "scheduler_of"]
