"""What protects the page from other pages: response headers, and the check of every POST."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

COOKIE = "pg_scheduler_form"
"""The browser's own secret, from which the tokens of its forms are made."""

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    # Not "no-referrer": browsers would send `Origin: null` with our own forms.
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
}
"""Of every answer; static files may be kept."""


class Forged(Exception):
    """A POST that this page's own forms do not send; the text says why."""


def browser_secret(request: Request) -> str:
    """The secret of this browser; a new one if it has none."""
    known = request.cookies.get(COOKIE, "")
    return known if len(known) == 43 else secrets.token_urlsafe(32)


def form_token(secret: str, name: str) -> str:
    """What a form of this browser and this visitor carries. Whoever cannot read the cookie cannot make it."""
    return hmac.new(secret.encode(), name.encode(errors="backslashreplace"), hashlib.sha256).hexdigest()


def remember(response: Response, request: Request, secret: str) -> None:
    """Let the browser keep its secret, if it does not already."""
    if request.cookies.get(COOKIE) != secret:
        set_cookie(response, request, COOKIE, secret)


def set_cookie(response: Response, request: Request, name: str, value: str, age: int | None = None) -> None:
    """A cookie for this page alone: no script reads it, and no other site's request carries it."""
    response.set_cookie(
        name, value, max_age=age, path=request.scope.get("root_path", "") or "/",
        httponly=True, samesite="strict", secure=request.url.scheme == "https",
    )  # fmt: skip


def check_sender(request: Request) -> None:
    """Raises:
    Forged: another site's page has sent it, or something that does not say who it is.
    """
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    if origin == "null" or site not in (None, "same-origin"):
        raise Forged("it comes from another site")
    if site is None and origin is None:
        raise Forged("it does not say where it comes from: neither Origin nor Sec-Fetch-Site")
    # Behind a proxy the Host may be another; browsers that say Sec-Fetch-Site have compared already.
    if site is None and urlsplit(origin or "").netloc != request.headers.get("host"):
        raise Forged("it comes from another site")


def check_token(request: Request, given: str, name: str) -> None:
    """Raises:
    Forged: the form is not one that was made for this browser and this visitor.
    """
    secret = request.cookies.get(COOKIE, "")
    expected = form_token(secret, name)
    if not secret or not hmac.compare_digest(expected.encode(), given.encode(errors="replace")):
        raise Forged("its form is too old, or was made for somebody else: load the page again")
