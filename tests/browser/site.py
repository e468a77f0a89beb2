"""The dashboard over a furnished store, served by a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Mount

from pg_scheduler import Scheduler
from pg_scheduler.testing import MemoryDriver
from pg_scheduler_web import Access, dashboard
from tests.browser.scene import furnished

T = TypeVar("T")

PREFIX = "/ops/jobs"
VISITOR = "ada@example.org"


class Site:
    """Where it is, and a way into its event loop."""

    def __init__(self) -> None:
        self.url = ""
        self.scheduler: Scheduler = Scheduler(MemoryDriver())
        self.rights = Access.admin(VISITOR)
        self._ready, self._loop = threading.Event(), asyncio.new_event_loop()
        self._ended = asyncio.Event()
        self._failed: BaseException | None = None

    def call(self, work: Callable[[Scheduler], Awaitable[T]]) -> T:
        """What the work answers, done where the scheduler lives."""

        async def done() -> T:
            return await work(self.scheduler)

        return asyncio.run_coroutine_threadsafe(done(), self._loop).result(20)

    async def _auth(self, request: Request) -> Access:
        return self.rights

    async def _serve(self) -> None:
        async with furnished(MemoryDriver()) as self.scheduler:
            app = Starlette(routes=[Mount(PREFIX, dashboard(self.scheduler, auth=self._auth))])
            config = uvicorn.Config(
                app, port=0, log_level="warning", timeout_graceful_shutdown=1, lifespan="off"
            )
            server = uvicorn.Server(config)
            serving = asyncio.ensure_future(server.serve())
            while not server.started:
                await asyncio.sleep(0.01)
            port = server.servers[0].sockets[0].getsockname()[1]
            self.url = f"http://127.0.0.1:{port}{PREFIX}"
            self._ready.set()
            await self._ended.wait()
            server.should_exit = True
            await serving

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        except BaseException as error:
            self._failed = error
        self._ready.set()

    @contextmanager
    def open(self) -> Iterator[Site]:
        """Serve it within the block."""
        thread = threading.Thread(target=self._run, daemon=True)
        thread.start()
        self._ready.wait(60)
        if self._failed is not None:
            raise self._failed
        try:
            yield self
        finally:
            self._loop.call_soon_threadsafe(self._ended.set)
            thread.join(20)
            self._loop.close()


def pages_of(site: Site) -> dict[str, str]:
    """Every screen, with something on it, by name."""

    async def find(scheduler: Scheduler) -> dict[str, Any]:
        failed = await scheduler.jobs(status="failed", task="mail.send", limit=1)
        waiting = await scheduler.jobs(status="pending", task="images.resize", limit=1)
        running = await scheduler.jobs(status="running", limit=1)
        return {"failed": failed[0].job_id, "waiting": waiting[0].job_id, "running": running[0].job_id}

    ids = site.call(find)
    return {
        "overview": "/",
        "jobs": "/jobs",
        "jobs-filtered": "/jobs?status=failed&q=task:billing.charge",
        "jobs-none": "/jobs?q=task:nothing",
        "job-failed": f"/job?id={ids['failed']}",
        "job-waiting": f"/job?id={ids['waiting']}",
        "job-running": f"/job?id={ids['running']}",
        "confirm": "/jobs/confirm?act=retry&status=failed",
        "failures": "/failures",
        "queues": "/queues",
        "queue": "/queue?name=billing",
        "tasks": "/tasks",
        "task": "/task?name=mail.send",
        "schedules": "/schedules",
        "schedule": "/schedule?key=monthly-report",
        "workers": "/workers",
        "system": "/system",
        "audit": "/audit",
        "missing": "/job?id=nope",
    }
