"""What the database server does, or is set to, that jobs suffer from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

from pg_scheduler.domain.problem import About, Problem, Severity, Thresholds
from pg_scheduler.domain.server_facts import OpenTransaction, ServerFacts
from pg_scheduler.domain.why import ago

OLDEST_SERVER = 13
"""The first major version of PostgreSQL that this library supports."""

Check = Callable[[ServerFacts, Thresholds], Iterator[Problem]]


def _version(facts: ServerFacts, limits: Thresholds) -> Iterator[Problem]:
    if facts.version < OLDEST_SERVER * 10_000:
        yield Problem(
            "server_version", Severity.ERROR,
            f"PostgreSQL {facts.version_text} is too old: {OLDEST_SERVER} is the first that is supported",
            About.SERVER, None, "upgrade the server",
        )  # fmt: skip
    if facts.in_recovery:
        yield Problem(
            "read_only", Severity.ERROR,
            "this server is a standby: no job can be stored, claimed or settled here",
            About.SERVER, None, "name the primary in the connection string",
        )  # fmt: skip


def _rights(facts: ServerFacts, limits: Thresholds) -> Iterator[Problem]:
    if facts.may_not:
        lacks = ", ".join(facts.may_not[:4]) + (", ..." if len(facts.may_not) > 4 else "")
        yield Problem(
            "rights", Severity.NOTICE, f"the role {facts.role!r} could not run jobs: it lacks {lacks}",
            About.SERVER, None, "nothing, if no worker uses this role; else see pgq db roles",
        )  # fmt: skip
    if not facts.sees_others:
        yield Problem(
            "rights", Severity.NOTICE,
            f"the role {facts.role!r} does not see others' transactions: of those nothing is said here",
            About.SERVER, None, "let a superuser grant pg_monitor to it",
        )  # fmt: skip


def _durability(facts: ServerFacts, limits: Thresholds) -> Iterator[Problem]:
    if not facts.fsync:
        yield Problem(
            "fsync", Severity.ERROR, "fsync is off: a crash of the server can destroy every table",
            About.SERVER, None, "fsync = on in postgresql.conf",
        )  # fmt: skip
    if facts.synchronous_commit == "off":
        yield Problem(
            "synchronous_commit", Severity.WARNING,
            "synchronous_commit is off: after a crash of the server, jobs that were stored last are gone, "
            "and jobs that completed last run again",
            About.SERVER, None, "synchronous_commit = on, at least for the role of the workers",
        )  # fmt: skip


def _transactions(facts: ServerFacts, limits: Thresholds) -> Iterator[Problem]:
    for one in facts.transactions:
        if one.holds:
            yield Problem(
                "held_jobs", Severity.ERROR if one.open_for >= limits.open_transaction else Severity.WARNING,
                f"{_shown(one)}, and holds {one.holds} jobs that are due: nobody can claim them",
                About.TRANSACTION, _subject(one), _end(one),
            )  # fmt: skip
        elif one.pins and one.open_for >= limits.open_transaction:
            yield Problem(
                "pinned_xmin", Severity.WARNING,
                f"{_shown(one)}: no dead row is removed meanwhile, and claims slow down",
                About.TRANSACTION, _subject(one), _end(one),
            )  # fmt: skip


def _tables(facts: ServerFacts, limits: Thresholds) -> Iterator[Problem]:
    if not facts.autovacuum:
        yield Problem(
            "autovacuum", Severity.WARNING, "autovacuum is off: dead rows stay, and claims slow down",
            About.SERVER, None, "autovacuum = on in postgresql.conf, and for the tables of the jobs",
        )  # fmt: skip
    for table in facts.tables:
        if table.dead > max(limits.dead_rows, table.live):
            when = "never" if table.vacuumed_ago is None else f"{ago(table.vacuumed_ago)} ago"
            yield Problem(
                "bloat", Severity.WARNING,
                f"{table.name} has {table.dead} dead rows and {table.live} live ones; it was vacuumed {when}",
                About.TABLE, table.name, f"VACUUM {table.name}, once no transaction is open for long",
            )  # fmt: skip


def _connections(facts: ServerFacts, limits: Thresholds) -> Iterator[Problem]:
    if facts.connections >= limits.connections * facts.connections_at_most:
        yield Problem(
            "connections", Severity.WARNING,
            f"{facts.connections} of {facts.connections_at_most} connections of the server are in use",
            About.SERVER, None, "use smaller pools, or raise max_connections",
        )  # fmt: skip


SERVER_CHECKS: tuple[Check, ...] = (_version, _rights, _durability, _transactions, _tables, _connections)


def schema_problem(schema: str, version: int, latest: int, missing: Sequence[str]) -> Problem | None:
    """What is wrong with the tables, if they are not what this code brings."""
    if version == 0:
        text, fix = f"there are no tables in the schema {schema!r}", "pgq db install"
    elif version < latest:
        text = f"the tables in the schema {schema!r} are of version {version}, and this code needs {latest}"
        fix = "pgq db upgrade"
    elif missing:
        text, fix = f"the tables in the schema {schema!r} lack {', '.join(missing[:5])}", "pgq db install"
    elif version > latest:
        return Problem(
            "schema", Severity.NOTICE,
            f"the tables in the schema {schema!r} are of version {version}, newer than this code ({latest})",
            About.SCHEMA, schema, "update this installation",
        )  # fmt: skip
    else:
        return None
    return Problem("schema", Severity.ERROR, text, About.SCHEMA, schema, fix)


def signals_problem() -> Problem:
    """What is wrong where a signal of our own did not come back."""
    return Problem(
        "signals", Severity.WARNING,
        "signals do not arrive over this connection, though LISTEN was accepted: workers that use it poll",
        About.SERVER, None,
        "connect workers without a pooler, or with one in session mode; --no-listen says that it is meant",
    )  # fmt: skip


def slow_problem(what: str, limit: timedelta) -> Problem:
    """What is wrong where a question had to be given up."""
    return Problem(
        "slow", Severity.WARNING,
        f"the database did not say within {limit.total_seconds():g} s {what}: nothing is known of that",
        About.SERVER, None, "see pg_stat_activity for what it does; transactions that stay open slow it down",
    )  # fmt: skip


def _shown(one: OpenTransaction) -> str:
    who = f"pid {one.pid}, " if one.pid is not None else ""
    name = f"{one.name!r}, " if one.name else ""
    return f"a transaction ({who}{name}{one.user}, {one.state}) has been open for {ago(one.open_for)}"


def _subject(one: OpenTransaction) -> str:
    return one.name if one.pid is None else str(one.pid)


def _end(one: OpenTransaction) -> str:
    if one.pid is None:
        return f"COMMIT PREPARED or ROLLBACK PREPARED '{one.name}'"
    return f"let its owner end it, or SELECT pg_terminate_backend({one.pid})"
