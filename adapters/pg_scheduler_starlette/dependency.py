"""The scheduler of an application, for its handlers."""

from __future__ import annotations

from starlette.requests import HTTPConnection

from pg_scheduler import Scheduler


def scheduler_of(connection: HTTPConnection) -> Scheduler:
    """The scheduler of the application that a request, or a WebSocket, belongs to. In FastAPI it is a
    dependency: ``Annotated[Scheduler, Depends(scheduler_of)]``.

    Raises:
        RuntimeError: the application has no `lifespan` of this package, or it does not live yet.
    """
    found = getattr(connection.state, "scheduler", None)
    if not isinstance(found, Scheduler):
        raise RuntimeError(
            "this application has no scheduler: give it lifespan=lifespan(scheduler), and enter its life in "
            "tests (`with TestClient(app) as client:`)"
        )
    return found
