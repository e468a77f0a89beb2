"""How `pgq web` knows who is there: a link that works once, a password, or a proxy that has asked already."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Callable
from typing import Protocol, TypeAlias

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from pg_scheduler.domain.errors import InvalidInput
from pg_scheduler_web.access import Access
from pg_scheduler_web.passwords import checked_hash, fits
from pg_scheduler_web.protection import HEADERS, set_cookie

MakeAccess: TypeAlias = Callable[[str], Access]
"""What a user with this name may do."""

SESSION = "pg_scheduler_session"
LOCAL_USER = "local"
FAILURE_DELAY = 0.5
"""Seconds that a wrong password costs; one is looked at after the other."""


class Door(Protocol):
    """Stands before the dashboard."""

    async def auth(self, request: Request) -> Access | None:
        """Who it is, for `dashboard(auth=)`."""
        ...

    def before(self, app: ASGIApp) -> ASGIApp:
        """The dashboard behind this door."""
        ...


class OneTimeLink:
    """Whoever first opens the link with the token is let in, with a cookie, until the process ends."""

    def __init__(self, access: MakeAccess) -> None:
        self._access = access
        self.token: str | None = secrets.token_urlsafe(32)
        """None once it was used."""
        self._session = secrets.token_urlsafe(32)

    async def auth(self, request: Request) -> Access | None:
        given = request.cookies.get(SESSION, "")
        right = hmac.compare_digest(given.encode(errors="replace"), self._session.encode())
        return self._access(LOCAL_USER) if right else None

    def before(self, app: ASGIApp) -> ASGIApp:
        async def door(scope: Scope, receive: Receive, send: Send) -> None:
            given = Request(scope).query_params.get("token") if scope["type"] == "http" else None
            if given is None:
                await app(scope, receive, send)
            else:
                await _protected(self._exchange(Request(scope), given))(scope, receive, send)

        return door

    def _exchange(self, request: Request, given: str) -> Response:
        if self.token is None or not hmac.compare_digest(given.encode(errors="replace"), self.token.encode()):
            return PlainTextResponse(
                "This link has been used already, or is wrong. Start `pgq web` anew.\n", 403
            )
        self.token = None
        # Not a redirect: after one from another site's page browsers would not send the cookie yet.
        home = request.scope.get("root_path", "").rstrip("/") + "/"
        response = HTMLResponse(_ENTER.format(home=home))
        set_cookie(response, request, SESSION, self._session)
        return response


_ENTER = (
    '<!doctype html><html lang="en"><title>pg_scheduler</title>'
    '<meta http-equiv="refresh" content="0;url={home}"><p><a href="{home}">To the dashboard</a></p></html>'
)


class Password:
    """One user with a password (HTTP Basic): use it behind TLS.

    Raises:
        InvalidInput: no name, or no hash of a password.
    """

    def __init__(self, user: str, stored: str, access: MakeAccess) -> None:
        self._access, self._user = access(user), user
        if ":" in user:
            raise InvalidInput("user", "must not hold a colon")
        self._stored = checked_hash(stored)
        self._known = b""
        """A digest of what was right before, so that not every request takes its time."""
        self._checking = asyncio.Lock()

    async def auth(self, request: Request) -> Access | None:
        given = _credentials(request)
        if given is None:
            return None
        digest = hashlib.sha256(f"{given[0]}\n{given[1]}".encode(errors="surrogateescape")).digest()
        if self._known and hmac.compare_digest(digest, self._known):
            return self._access
        async with self._checking:
            right = await asyncio.to_thread(fits, given[1], self._stored)
            if not right or not hmac.compare_digest(given[0].encode(), self._user.encode()):
                await asyncio.sleep(FAILURE_DELAY)
                return None
            self._known = digest
        return self._access

    def before(self, app: ASGIApp) -> ASGIApp:
        async def door(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http" and await self.auth(Request(scope)) is None:
                headers = {"www-authenticate": 'Basic realm="pg_scheduler", charset="UTF-8"'}
                answer = PlainTextResponse("Who are you?\n", 401, headers)
                await _protected(answer)(scope, receive, send)
            else:
                await app(scope, receive, send)

        return door


def _credentials(request: Request) -> tuple[str, str] | None:
    scheme, _, rest = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(rest, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (user, password) if colon else None


class BehindProxy:
    """A proxy has asked who it is, and says so in a header that nobody else can set."""

    def __init__(self, header: str, access: MakeAccess) -> None:
        self._header, self._access = header, access

    async def auth(self, request: Request) -> Access | None:
        given = request.headers.getlist(self._header)
        if len(given) != 1:
            return None
        try:
            return self._access(given[0])
        except InvalidInput:
            return None

    def before(self, app: ASGIApp) -> ASGIApp:
        return app


def _protected(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response
