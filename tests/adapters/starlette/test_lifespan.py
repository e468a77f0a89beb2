"""A scheduler that lives as long as its application."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from pg_scheduler import Scheduler, task
from pg_scheduler.testing import MemoryDriver
from pg_scheduler_starlette import event_stream, lifespan, scheduler_of
from pg_scheduler_starlette.ending import ending_here, hearing_signals


@task
async def greet(name: str) -> str:
    return f"hello {name}"


async def order(request: Request) -> JSONResponse:
    job = await greet.enqueue("Ada")
    return JSONResponse({"job": job, "runs": scheduler_of(request).is_running, "inner": request.state.inner})


async def events(request: Request) -> Any:
    return event_stream(scheduler_of(request).handle(request.path_params["job"]), every=0.01)


ROUTES = [Route("/orders", order, methods=["POST"]), Route("/jobs/{job}", events)]


@pytest.mark.parametrize("worker", [True, False])
def test_an_application_has_its_scheduler_as_long_as_it_lives(worker: bool) -> None:
    scheduler, ran = Scheduler(MemoryDriver()), []
    scheduler.register(greet)

    @asynccontextmanager
    async def inner(app: Starlette) -> AsyncIterator[dict[str, str]]:
        yield {"inner": "a pool"}
        ran.append(scheduler.is_running)  # nothing uses it any more

    app = Starlette(routes=ROUTES, lifespan=lifespan(scheduler, worker=worker, inner=inner))
    for _ in range(2):
        with TestClient(app) as client:
            answer = client.post("/orders").json()
            assert (answer["runs"], answer["inner"]) == (worker, "a pool")
            if worker:
                told = client.get(f"/jobs/{answer['job']}").text
                assert told.startswith("retry: 1000\n\n")
                assert '"status": "completed"' in told.rpartition("event: end\n")[2]
            assert client.get("/jobs/gone").text.endswith("event: gone\ndata: {}\n\n")
    assert ran == [False, False]


def test_an_application_without_it_says_so() -> None:
    app = Starlette(
        routes=[Route("/orders", lambda request: JSONResponse({"is": bool(scheduler_of(request))}))]
    )
    with pytest.raises(RuntimeError, match="give it lifespan="):
        TestClient(app).get("/orders")


async def test_streams_hear_of_a_signal_before_whoever_else_does() -> None:
    heard: list[str] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: heard.append("the server"))
    try:
        with hearing_signals():
            ours = signal.getsignal(signal.SIGTERM)
            signal.raise_signal(signal.SIGTERM)
            await ending_here().wait()
            assert heard == ["the server"]
        assert signal.getsignal(signal.SIGTERM) is not ours
    finally:
        signal.signal(signal.SIGTERM, before)
