"""Connection strings with several hosts, as libpq reads them.

asyncpg goes through them too, but in one time limit: a host that does not answer leaves nothing of it for the
others, and one that refuses the login ends the search.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from itertools import cycle
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

import asyncpg

from pg_scheduler.domain.errors import ConfigurationError, ReadOnlyServer
from pg_scheduler_postgres.sqlstate import READ_ONLY

HOST_TIMEOUT = 2.0
"""Seconds that each of several hosts gets to answer; `connect_timeout` says otherwise."""
ANY_HOST = ("prefer-standby",)
"""Values of target_session_attrs for which all hosts have to be known before one is chosen."""

_WORD = re.compile(r"\s*(\w+)\s*=\s*('(?:[^'\\]|\\.)*'|(?:[^\s'\\]|\\.)*)\s*", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


class Target(NamedTuple):
    """One of several hosts."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def as_url(dsn: str) -> str:
    """A connection string of words (``host=a,b dbname=app``) as a URL, for asyncpg; a URL as it is."""
    if "://" in dsn or "=" not in dsn:
        return dsn
    words, position = [], 0
    while position < len(dsn):
        match = _WORD.match(dsn, position)
        if match is None or match.end() == position:
            raise ConfigurationError(
                "the connection string cannot be read: write name=value pairs, and values with spaces or "
                "quotes in single quotes; or postgresql://user@host:5432/database"
            )
        value = match[2][1:-1] if match[2].startswith("'") else match[2]
        words.append((match[1], _ESCAPED.sub(r"\1", value)))
        position = match.end()
    return "postgresql:///?" + urlencode([(name, value) for name, value in words if value])


def without_timeout(dsn: str) -> tuple[str, float | None]:
    """The URL without `connect_timeout`, and its seconds: asyncpg takes it for a setting of the server's."""
    if "connect_timeout" not in dsn:
        return dsn, None
    parts = urlsplit(dsn)
    query = parse_qsl(parts.query)
    seconds = next((value for name, value in query if name == "connect_timeout"), "")
    rest = urlencode([(name, value) for name, value in query if name != "connect_timeout"])
    if not seconds.strip().isdigit():
        return urlunsplit(parts._replace(query=rest)), None
    return urlunsplit(parts._replace(query=rest)), float(seconds) or None


def targets_of(dsn: str | None, kwargs: Mapping[str, Any]) -> Sequence[Target]:
    """The hosts, if there are several; from where asyncpg takes them."""
    parts = urlsplit(dsn or "")
    query = dict(parse_qsl(parts.query))
    if (kwargs.get("target_session_attrs") or query.get("target_session_attrs")) in ANY_HOST:
        return ()
    named = parts.netloc.rpartition("@")[2]
    hosts = (
        _listed(kwargs.get("host")) or [unquote(one) for one in _listed(named)] or _listed(query.get("host"))
    )
    hosts = hosts or _listed(os.environ.get("PGHOST"))
    if len(hosts) < 2:
        return ()
    ports = _listed(kwargs.get("port")) or _listed(query.get("port")) or _listed(os.environ.get("PGPORT"))
    return [_target(host, port) for host, port in zip(hosts, cycle(ports or ["5432"]), strict=False)]


def _listed(value: Any) -> list[str]:
    if value is None or value == "":
        return []
    return [str(one) for one in value] if isinstance(value, list | tuple) else str(value).split(",")


def _target(host: str, port: str) -> Target:
    name, colon, own_port = host.rpartition(":")
    if colon and own_port.isdigit() and (":" not in name or name.endswith("]")):
        host, port = name, own_port
    return Target(host.strip("[]"), int(port))


async def first_that_serves(
    targets: Sequence[Target], attempt: Callable[[Target], Awaitable[Any]], seconds: float
) -> Any:
    """The first connection that can be had, as `attempt` makes it.

    Raises:
        ReadOnlyServer: some answered, and none accepts writes.
        Exception: what kept the first one from it that says most.
    """
    failures: list[tuple[Target, Exception]] = []
    for target in targets:
        try:
            async with asyncio.timeout(seconds):
                return await attempt(target)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
            failures.append((target, error))
    if any(isinstance(error, asyncpg.TargetServerAttributeNotMatched) for _, error in failures):
        raise ReadOnlyServer(
            f"no host is what target_session_attrs wants ({_described(failures)})", READ_ONLY
        ) from None
    answered = [error for _, error in failures if isinstance(error, asyncpg.PostgresError)]
    if answered:
        raise answered[0]
    raise ConnectionError(f"no host can be reached ({_described(failures)})") from failures[0][1]


def _described(failures: Iterable[tuple[Target, Exception]]) -> str:
    return "; ".join(f"{target}: {_reason(error)}" for target, error in failures)


def _reason(error: Exception) -> str:
    if isinstance(error, asyncpg.TargetServerAttributeNotMatched):
        return "is not"
    return str(error) or ("no answer" if isinstance(error, TimeoutError) else type(error).__name__)
