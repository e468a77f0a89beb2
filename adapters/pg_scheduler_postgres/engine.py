"""Tries what not every database has that speaks the protocol of PostgreSQL."""

from __future__ import annotations

from typing import Any

from pg_scheduler.domain.engine_facts import Need, unsupported
from pg_scheduler.domain.errors import ConnectionLost, DatabaseError, QuestionTimedOut, SchemaError
from pg_scheduler_postgres.link import Link
from pg_scheduler_postgres.locks import lock_key

_TRIES: tuple[tuple[Need, str, dict[str, Any]], ...] = (
    (Need.SKIP_LOCKED, "try_skip_locked", {}),
    (Need.WRITING_CTES, "try_writing_ctes", {}),
    (Need.ADVISORY_LOCKS, "try_advisory_locks", {"key": lock_key("pg_scheduler", "try")}),
)


async def refused_by(link: Link) -> dict[Need, str]:
    """What the server does not have, and its words. A role that may not, views in place of tables, or tables
    that are not there say nothing of the server."""
    refused = {}
    for need, statement, values in _TRIES:
        try:
            rows = await link.run(statement, **values)
        except (ConnectionLost, QuestionTimedOut):
            raise
        except DatabaseError as error:
            if unsupported(error):
                refused[need] = str(error).partition("\n")[0]
        except SchemaError:
            pass
        else:
            if need is Need.ADVISORY_LOCKS and rows[0]["in_vain"]:
                refused[need] = "it takes them, and locks nothing"
    return refused
