"""The ASGI application: every request is let in, or not, before anything is asked or done."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pg_scheduler.domain.errors import InvalidInput, shown
from pg_scheduler.domain.inputs import checked_items
from pg_scheduler.queries import Queries
from pg_scheduler.scheduler import Scheduler
from pg_scheduler_web.access import Access, Auth
from pg_scheduler_web.answering import answer, refusal
from pg_scheduler_web.desk import Desk
from pg_scheduler_web.protection import HEADERS
from pg_scheduler_web.routes import routes_of

log: logging.Logger = logging.getLogger(__name__)

REDACTED = ("password", "passwd", "secret", "token", "api_key", "apikey", "authorization", "credential")
"""Values under names that contain one of these are not shown."""


def dashboard(source: Scheduler | Queries, *, auth: Auth, redact: Sequence[str] = REDACTED) -> ASGIApp:
    """The dashboard as an ASGI application, to be mounted anywhere:
    ``app.mount("/jobs", dashboard(scheduler, auth=...))``.

    It works on the client of `source`, and never creates tables. Where that has a `read_dsn`, pages are read
    from there and say how far it has come; acts, and what explains one job, go to the primary. Only where
    `source` is a `Scheduler` can retention be run from the page, by the policies of that scheduler.

    Args:
        auth: an async function of the request that says what its sender may do, as an `Access`; None is
            answered by 403. There is no default: nobody has a page that is open by mistake.
        redact: arguments, headers and results under names that contain one of these words are never shown, in
            any case of letters. Nested ones neither; arguments that are passed by position have no names.

    Raises:
        InvalidInput: `source` is neither, `auth` is not callable, or `redact` holds something but texts.
    """
    if not isinstance(source, Scheduler | Queries):
        raise InvalidInput("source", f"expected a Scheduler or Queries, got {shown(source)}")
    if not callable(auth):
        raise InvalidInput("auth", f"expected an async function of the request, got {shown(auth)}")
    words = checked_items("redact", redact, str, "word")
    if isinstance(source, Scheduler):
        return Dashboard(Desk(source, words, may_prune=True), auth)
    client = source.client
    reader = client.reader if client.reads_elsewhere else None
    made = Scheduler(client.driver, clock=client.clock, codec=client.codec, read_dsn=reader)
    return Dashboard(Desk(made, words), auth)


class Dashboard:
    """See `dashboard`."""

    def __init__(self, desk: Desk, auth: Auth) -> None:
        self.desk = desk
        self.routes = routes_of()
        self._auth = auth

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            request = Request(scope, receive)
            response = await self._respond(request)
            for name, value in HEADERS.items():
                response.headers.setdefault(name, value)
            await response(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _respond(self, request: Request) -> Response:
        try:
            access = await self._let_in(request)
        except Exception:
            log.exception("auth= of the dashboard failed, so that nobody is let in")
            return refusal(
                request, 500, "Nobody is let in: the check of who you are failed. The log says why."
            )
        if access is None:
            return refusal(request, 403, "You may not see this page.")
        return await answer(self.desk, self.routes, request, access)

    async def _let_in(self, request: Request) -> Access | None:
        found = self._auth(request)
        access = await found if inspect.isawaitable(found) else found
        if access is not None and not isinstance(access, Access):
            raise TypeError(f"auth= must return an Access or None, got {shown(access)}")
        return access


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message: Message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
