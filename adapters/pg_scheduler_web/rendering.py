"""Templates into HTML."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from importlib import resources
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from pg_scheduler import __version__
from pg_scheduler.domain.passwords import masked
from pg_scheduler.domain.problem import Problem
from pg_scheduler.domain.states import JobStatus
from pg_scheduler_web import words
from pg_scheduler_web.access import Access, Right
from pg_scheduler_web.living import knowing, serving
from pg_scheduler_web.notes import forget_note, note_of
from pg_scheduler_web.places import Remedy, place_of, remedy_of
from pg_scheduler_web.protection import browser_secret, form_token, remember

NAVIGATION = (
    ("overview", "/", "Overview"),
    ("jobs", "/jobs", "Jobs"),
    ("failures", "/failures", "Failures"),
    ("queues", "/queues", "Queues"),
    ("tasks", "/tasks", "Tasks"),
    ("schedules", "/schedules", "Schedules"),
    ("workers", "/workers", "Workers"),
    ("system", "/system", "System"),
    ("audit", "/audit", "Audit"),
)
STATIC = ("style.css", "page.js", "icon.svg")


@lru_cache
def static_text(name: str) -> str:
    """A static file."""
    return (resources.files("pg_scheduler_web") / "static" / name).read_text(encoding="utf-8")


@lru_cache
def static_version() -> str:
    """Changes with the files."""
    return sha256("".join(static_text(name) for name in STATIC).encode()).hexdigest()[:12]


@lru_cache
def environment() -> Environment:
    """With every filter, and without mercy for a name that is not there."""
    made = Environment(
        loader=PackageLoader("pg_scheduler_web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "harmless": words.harmless,
        "line": words.in_a_line,
        "whole": words.whole,
        "span": words.span,
        "instant": words.instant,
        "num": words.number,
        "sentence": words.sentence,
        "secretless": masked,
        "shell": words.for_a_shell,
        "term": words.search_term,
        "serving": serving,
        "knowing": knowing,
    }
    made.globals |= {
        "age": words.age,
        "capped": words.capped,
        "plural": words.plural,
        "Right": Right,
        "statuses": tuple(JobStatus),
    }
    return made


class Page:
    """What every template knows: who looks, where links lead, what forms carry."""

    def __init__(self, request: Request, access: Access) -> None:
        self.request = request
        self.access = access
        self.base = request.scope.get("root_path", "").rstrip("/")
        self.secret = browser_secret(request)
        self.token = form_token(self.secret, access.name)

    @property
    def back(self) -> str:
        """This very page, for forms that lead back to it."""
        query = self.request.scope.get("query_string", b"").decode("latin-1")
        path: str = self.request.scope["path"]
        if self.base and path.startswith(self.base):
            path = path[len(self.base) :]
        return "/" + path.strip("/") + (f"?{query}" if query else "")

    def link(self, path: str, **query: object) -> str:
        """A link within the page. Names stand in the query, never in the path: proxies and browsers tidy up
        paths with ``/``, ``.`` and ``%`` in names."""
        given = {name: value for name, value in query.items() if value not in (None, "", ())}
        return f"{self.base}{path}" + (f"?{urlencode(given, doseq=True, errors='replace')}" if given else "")

    def place_of(self, problem: Problem) -> str | None:
        """Where a problem is to be seen."""
        return place_of(self.link, problem)

    def remedy_of(self, problem: Problem) -> Remedy | None:
        """What this visitor can do about it at once."""
        found = remedy_of(problem)
        return found if found is not None and self.access.may(found.right) else None

    def render(self, template: str, **values: Any) -> Markup:
        """A template that is given the page as `page`."""
        return Markup(environment().get_template(template).render(page=self, **values))

    def fragment(self, template: str, values: Mapping[str, Any]) -> Markup:
        """A region."""
        return self.render(f"regions/{template}.html", **values)

    def response(self, template: str, status: int = 200, **values: Any) -> Response:
        """A whole page."""
        note = note_of(self.request)
        text = self.render(
            template,
            note=note,
            navigation=NAVIGATION,
            static=lambda name: self.link(f"/static/{name}", v=static_version()),
            version=__version__,
            **values,
        )
        answer = HTMLResponse(_sendable(text), status)
        remember(answer, self.request, self.secret)
        if note is not None:
            forget_note(answer, self.request)
        return answer

    def fragments(self, parts: Markup) -> Response:
        """Some regions, for the script."""
        return HTMLResponse(_sendable(parts))


def _sendable(text: str) -> bytes:
    """Lone surrogates cannot be sent; the filters show them escaped, and this is for those that pass by."""
    return text.encode("utf-8", errors="backslashreplace")
