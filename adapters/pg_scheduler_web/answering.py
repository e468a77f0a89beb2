"""One request, from somebody who was let in: its route, its right, its answer, also where something fails."""

from __future__ import annotations

import logging

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from pg_scheduler.domain.errors import (
    DatabaseError,
    InvalidInput,
    JobNotFound,
    PgSchedulerError,
)
from pg_scheduler.domain.passwords import masked
from pg_scheduler_web.access import Access, Right
from pg_scheduler_web.desk import Desk
from pg_scheduler_web.failures_in_words import database_words
from pg_scheduler_web.forms import of_form
from pg_scheduler_web.notes import Note, leave_note
from pg_scheduler_web.protection import Forged, check_sender, check_token
from pg_scheduler_web.rendering import Page
from pg_scheduler_web.routes import ActRoute, Routes
from pg_scheduler_web.screen import Missing
from pg_scheduler_web.showing import Visit

log: logging.Logger = logging.getLogger(__name__)


async def answer(desk: Desk, routes: Routes, request: Request, access: Access) -> Response:
    """What the route says, or why not."""
    page = Page(request, access)
    method = "GET" if request.method == "HEAD" else request.method
    route = routes.get((method, _path(request)))
    if not access.may(Right.READ):
        return refusal(request, 403, "You may not see this page.")
    if route is None:
        others = [known for known, path in routes if path == _path(request)]
        if others:
            response = page.response(
                "screens/problem.html", 405, title="Not that way", text="This address is for forms."
            )
            response.headers["allow"] = ", ".join(others)
            return response
        return page.response("screens/problem.html", 404, title="No such page", text="There is no page here.")
    if not access.may(route.right):
        text = f"You may not do this: it takes the right “{route.right}”, and {access.name} does not have it."
        return page.response("screens/problem.html", 403, title="Not allowed", text=text)
    try:
        if isinstance(route, ActRoute):
            return await _act(desk, route, request, page)
        return await route.respond(Visit(desk, page))
    except Forged as error:
        text = f"This form was not taken: {error}."
        return page.response("screens/problem.html", 403, title="Not taken", text=text)
    except (Missing, JobNotFound) as error:
        return page.response("screens/problem.html", 404, title="Not found", text=str(error))
    except InvalidInput as error:
        return page.response("screens/problem.html", 400, title="That cannot be", text=str(error))
    except (DatabaseError, TimeoutError) as error:
        text = database_words(error)
        return page.response("screens/problem.html", 503, title="The database does not answer", text=text)
    except PgSchedulerError as error:
        return page.response("screens/problem.html", 409, title="That did not work", text=masked(str(error)))
    except Exception:
        log.exception("a page of the dashboard failed: %s", _path(request))
        text = "Something is wrong with this page. The log of the server says what."
        return page.response("screens/problem.html", 500, title="This page failed", text=text)


async def _act(desk: Desk, route: ActRoute, request: Request, page: Page) -> Response:
    check_sender(request)
    fields = await of_form(request)
    check_token(request, fields.get("token") or "", page.access.name)
    try:
        note = await route.act(desk, page.access, fields)
    except (DatabaseError, TimeoutError) as error:
        note = Note(f"Nothing is known to have changed. {database_words(error)}", good=False)
    except PgSchedulerError as error:
        note = Note(f"Nothing was changed: {masked(str(error))}", good=False)
    desk.answers.forget()
    back = fields.get("back") or route.back
    response = RedirectResponse(page.base + (back if is_own_path(back) else route.back), 303)
    leave_note(response, request, note)
    return response


def is_own_path(path: str) -> bool:
    """Whether a path leads nowhere but to this page: ``//host`` and ``/\\host`` are other hosts."""
    return (
        path.startswith("/")
        and not path.startswith("//")
        and "\\" not in path
        and path.isascii()
        and path.isprintable()
    )


def refusal(request: Request, status: int, text: str) -> Response:
    """For somebody who was not let in: no page, and nothing of what there is."""
    return PlainTextResponse(f"{text}\n", status)


def _path(request: Request) -> str:
    path: str = request.scope["path"]
    base = request.scope.get("root_path", "").rstrip("/")
    if base and path.startswith(base):
        path = path[len(base) :]
    return "/" + path.strip("/")
