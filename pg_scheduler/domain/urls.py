"""Connection strings as SQLAlchemy writes them."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlencode

_DIALECT = re.compile(r"(postgres(?:ql)?)\+(\w+)://")
_LIBRARIES = {"asyncpg": "asyncpg", "psycopg": "psycopg", "psycopg_async": "psycopg"}
_ITS_OWN = {"prepared_statement_cache_size", "prepared_statement_name_func", "async_fallback"}


def plain_url(dsn: str) -> tuple[str, str | None]:
    """The same as the libraries read it, and the one of ours that it names: ``postgresql+asyncpg://...`` is
    ``postgresql://...`` for asyncpg. Others, as psycopg2, leave the choice open. Several hosts, which
    SQLAlchemy takes one by one, are one list; `ssl` is `sslmode`; what it alone understands is left out."""
    found = _DIALECT.match(dsn)
    if found is None:
        return dsn, None
    scheme, dialect = found.groups()
    address, _, query = dsn[found.end() :].partition("?")
    return f"{scheme}://{address}{_plain(query)}", _LIBRARIES.get(dialect)


def _plain(query: str) -> str:
    hosts, others = [], []
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name == "host":
            hosts.append(value)
        elif name == "ssl":
            others.append(("sslmode", {"true": "require", "false": "disable"}.get(value.lower(), value)))
        elif name not in _ITS_OWN:
            others.append((name, value))
    if len(hosts) > 1:
        parts = [host.partition(":") for host in hosts]
        others += [("host", ",".join(part[0] for part in parts))]
        others += [("port", ",".join(part[2] or "5432" for part in parts))]
    else:
        others += [("host", host) for host in hosts]
    return f"?{urlencode(others, safe='/,:')}" if others else ""
