"""A browser without scripts: keeps cookies, finds forms, sends them as a browser would."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any, Self
from urllib.parse import urlencode

import httpx
from starlette.requests import Request
from starlette.types import ASGIApp

from pg_scheduler import Queries, Scheduler
from pg_scheduler_web import Access, dashboard

VOID = {"meta", "link", "input", "br"}


@dataclass
class Form:
    """A form of a page."""

    method: str
    action: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    buttons: list[str] = field(default_factory=list)

    def with_fields(self, **changed: str) -> Form:
        kept = [(name, value) for name, value in self.fields if name not in changed]
        return Form(self.method, self.action, kept + list(changed.items()), self.buttons)


class Seen(HTMLParser):
    """What a page holds."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.forms: list[Form] = []
        self.links: list[str] = []
        self._words: list[str] = []
        self._open: list[str] = []
        self._form: Form | None = None
        self.feed(text)
        assert self._open == [], f"not closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append((tag, given))
        if tag not in VOID:
            self._open.append(tag)
        if tag == "form":
            self._form = Form(given.get("method") or "get", given.get("action") or "")
            self.forms.append(self._form)
        elif (
            tag == "input"
            and self._form is not None
            and given.get("type") != "checkbox"
            and given.get("name")
        ):
            self._form.fields.append((given["name"] or "", given.get("value") or ""))
        elif tag == "a" and given.get("href"):
            self.links.append(given["href"] or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag
        if tag == "form":
            self._form = None

    def handle_data(self, data: str) -> None:
        self._words.append(data)
        if self._form is not None and self._open and self._open[-1] == "button":
            self._form.buttons.append(data.strip())

    @property
    def text(self) -> str:
        return " ".join(" ".join(self._words).split())

    def form(self, action: str, *words: str) -> Form:
        """The form that leads there, and whose fields hold these values."""
        found = [
            form
            for form in self.forms
            if form.action.endswith(action) and set(words) <= {value for _, value in form.fields}
        ]
        assert found, f"no form for {action} {words} among {[form.action for form in self.forms]}"
        return found[0]


class Browser:
    """One visitor of a dashboard."""

    def __init__(self, app: ASGIApp, base: str = "http://jobs.test", root_path: str = "") -> None:
        self.base, self.root_path = base, root_path
        transport = httpx.ASGITransport(app, root_path=root_path, raise_app_exceptions=True)
        self.client = httpx.AsyncClient(transport=transport, base_url=base)

    @classmethod
    def of(cls, source: Scheduler | Queries, access: Access | None = None, **options: Any) -> Self:
        """A visitor who may do everything, or what he is given."""
        may = access or Access.admin("ada")

        async def auth(request: Request) -> Access:
            return may

        return cls(dashboard(source, auth=auth, **options))

    async def get(self, path: str, *, code: int | None = 200, **query: Any) -> Seen:
        """A page, as it should be answered."""
        return Seen((await self.raw(path, code=code, **query)).text)

    async def raw(self, path: str, *, code: int | None = None, **query: Any) -> httpx.Response:
        url = path + (f"?{urlencode(query, doseq=True)}" if query else "")
        answer = await self.client.get(url)
        assert code in (None, answer.status_code), f"{url}: {answer.status_code}\n{answer.text}"
        return answer

    async def submit(self, form: Form) -> Seen:
        """Send a form, and see the page that follows."""
        if form.method == "get":
            return await self.get(f"{form.action}?{urlencode(form.fields)}")
        answer = await self.post(form.action, form.fields)
        assert answer.status_code == 303, f"{answer.status_code}\n{answer.text}"
        return await self.get(answer.headers["location"])

    async def post(
        self, path: str, fields: list[tuple[str, str]], headers: dict[str, str] | None = None
    ) -> httpx.Response:
        """A form as a browser sends it, unless other headers are given."""
        usual = {
            "content-type": "application/x-www-form-urlencoded",
            "origin": self.base,
            "sec-fetch-site": "same-origin",
        }
        return await self.client.post(
            path, content=urlencode(fields), headers=usual if headers is None else headers
        )
