"""What somebody has SET on a connection, for the connections that are made beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pg_scheduler_postgres.session import Row

READ_SETTINGS = r"""
SELECT name, setting
  FROM pg_catalog.pg_settings
 WHERE source = 'session' AND context IN ('user', 'superuser')
   AND name NOT LIKE 'transaction\_%' AND name <> 'role'
UNION ALL
SELECT 'role', pg_catalog.current_setting('role')
 WHERE pg_catalog.current_setting('role') <> 'none'
"""
"""Settings that hold for the session and were not there when it began."""

APPLY_SETTINGS = """
SELECT pg_catalog.set_config(name, value, false)
  FROM ROWS FROM (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[])) AS setting (name, value)
"""

Settings = Mapping[str, str]


def settings_of(rows: Sequence[Row]) -> Settings:
    """What `READ_SETTINGS` found. The role comes last: it may not be allowed to set the others."""
    found = {row["name"]: row["setting"] for row in rows}
    role = found.pop("role", None)
    return found if role is None else {**found, "role": role}
