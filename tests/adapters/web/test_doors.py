"""How `pgq web` knows who is there."""

from __future__ import annotations

import base64

import pytest
from starlette.types import ASGIApp

from pg_scheduler import ConfigurationError, InvalidInput, Scheduler
from pg_scheduler_web import Access, dashboard, doors
from pg_scheduler_web.doors import BehindProxy, Door, OneTimeLink, Password
from pg_scheduler_web.passwords import password_hash
from pg_scheduler_web.serving import Served, is_loopback
from tests.adapters.web.browsing import Browser


def _behind(scheduler: Scheduler, door: Door) -> ASGIApp:
    return door.before(dashboard(scheduler, auth=door.auth))


async def test_the_link_works_once_and_leaves_a_cookie_that_does(scheduler: Scheduler) -> None:
    door = OneTimeLink(Access.admin)
    app, token = _behind(scheduler, door), door.token
    browser, late = Browser(app), Browser(app)
    assert (await browser.raw("/")).status_code == 403
    assert (await browser.raw("/", token="wrong")).status_code == 403
    entered = await browser.raw("/", token=token, code=200)
    (cookie,) = entered.headers.get_list("set-cookie")
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert str(token) not in entered.text
    assert "default-src 'none'" in entered.headers["content-security-policy"]
    assert "Overview" in (await browser.get("/")).text
    assert (await late.raw("/", token=token)).status_code == 403
    assert (await late.raw("/")).status_code == 403


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


async def test_a_password_is_asked_for_and_checked(
    scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doors, "FAILURE_DELAY", 0.0)
    app = _behind(scheduler, Password("ada", password_hash("pass:word ü"), Access.operator))
    browser = Browser(app)
    for given in (
        None,
        _basic("ada", "wrong"),
        _basic("grace", "pass:word ü"),
        "Basic ###",
        "Bearer x",
        "Basic YQ==",
    ):
        browser.client.headers.pop("authorization", None)
        if given:
            browser.client.headers["authorization"] = given
        answer = await browser.raw("/")
        assert (answer.status_code, answer.headers["www-authenticate"][:5]) == (401, "Basic")
    browser.client.headers["authorization"] = _basic("ada", "pass:word ü")
    assert "ada" in (await browser.get("/")).text


@pytest.mark.parametrize(
    "stored", ["secret", "scrypt$1$2", "", "md5$x", "scrypt$16384$8$1$$", "scrypt$3$8$1$YQ==$YQ=="]
)
def test_what_is_no_hash_is_refused(stored: str) -> None:
    with pytest.raises(InvalidInput, match="is no hash of a password"):
        Password("ada", stored, Access.admin)


async def test_a_proxy_says_who_it_is(scheduler: Scheduler) -> None:
    browser = Browser(_behind(scheduler, BehindProxy("X-User", Access.read_only)))
    assert (await browser.raw("/")).status_code == 403
    for header in ([("x-user", "")], [("x-user", "ada"), ("x-user", "root")]):
        assert (await browser.client.get("/", headers=header)).status_code == 403
    assert "grace" in (await browser.client.get("/", headers={"X-User": "grace"})).text


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "jobs.example.org", ""])
def test_an_address_of_others_takes_more_than_a_link(scheduler: Scheduler, host: str) -> None:
    with pytest.raises(ConfigurationError, match="--password-hash"):
        Served(scheduler, OneTimeLink(Access.admin), host=host, port=0)
    Served(scheduler, BehindProxy("X-User", Access.admin), host=host, port=0)


def test_what_only_this_machine_reaches() -> None:
    assert all(map(is_loopback, ["127.0.0.1", "127.8.8.8", "::1", "localhost"]))
