"""Which database answers, and whether it has what the statements of a driver need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pg_scheduler.domain.errors import DatabaseError
from pg_scheduler.domain.problem import About, Problem, Severity


class Need(StrEnum):
    """What not every database has that speaks the protocol of PostgreSQL."""

    SKIP_LOCKED = "FOR UPDATE SKIP LOCKED"
    LISTEN = "LISTEN and NOTIFY"
    ADVISORY_LOCKS = "advisory locks"
    WRITING_CTES = "data-modifying CTEs"


_WITHOUT = {
    Need.SKIP_LOCKED: "two workers wait for each other, or claim nothing at all",
    Need.LISTEN: "workers poll, every second, and waiting for a job's end is as slow",
    Need.ADVISORY_LOCKS: "runs that exclude each other run side by side, and installers at once collide",
    Need.WRITING_CTES: "no job can be claimed or settled",
}
"""What follows where it is missing."""


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """As it was asked, and tried."""

    name: str
    """``PostgreSQL``, or which of the others it says that it is."""
    version_text: str
    refused: Mapping[Need, str] = field(default_factory=dict)
    """What was tried and does not work, and how the server said so."""
    tried: bool = True
    """Whether anything was: a standby takes none of it."""


@dataclass(frozen=True, slots=True)
class _Known:
    severity: Severity
    text: str
    fix: str | None = None


_UNTRIED = "this library has not been tried on it"
KNOWN: Mapping[str, _Known] = {
    "CockroachDB": _Known(
        Severity.ERROR,
        "it has no LISTEN, its advisory locks lock nothing, and it refuses statements that change one table "
        "in two places, as ours do",
        "keep the jobs in PostgreSQL",
    ),
    "YugabyteDB": _Known(
        Severity.WARNING,
        "signals are off unless yb_enable_listen_notify is set, SKIP LOCKED does not work in SERIALIZABLE, "
        f"and {_UNTRIED}",
        "try it with your jobs before you rely on it",
    ),
    "Citus": _Known(
        Severity.NOTICE,
        "our tables have to stay undistributed, or be placed as whole schemas: FOR UPDATE works within one "
        f"shard only; {_UNTRIED}",
    ),
    "Aurora": _Known(Severity.NOTICE, f"nothing is known that it lacks, but {_UNTRIED}"),
    "AlloyDB": _Known(Severity.NOTICE, f"nothing is known that it lacks, but {_UNTRIED}"),
    "Greenplum": _Known(
        Severity.ERROR, f"it is made for analysis, and {_UNTRIED}", "keep the jobs in PostgreSQL"
    ),
    "Redshift": _Known(
        Severity.ERROR, f"it is made for analysis, and {_UNTRIED}", "keep the jobs in PostgreSQL"
    ),
}
"""What their makers say of themselves (2026), beside what was tried."""


_WORDS = {
    "CockroachDB": "CockroachDB", "-YB-": "YugabyteDB", "Greenplum": "Greenplum", "Redshift": "Redshift",
}  # fmt: skip
"""What they call themselves in `version()`."""
UNSUPPORTED = ("0A000", "42601", "42883")
"""SQLSTATEs of what a server does not have: the feature, the syntax, the function."""


def unsupported(error: DatabaseError) -> bool:
    """Whether the server does not have what it was asked for."""
    return error.sqlstate in UNSUPPORTED


def engine_name(version_text: str, *, extensions: frozenset[str], aurora: bool, alloydb: bool) -> str:
    """Which of them it is."""
    for word, name in _WORDS.items():
        if word in version_text:
            return name
    if aurora:
        return "Aurora"
    if alloydb:
        return "AlloyDB"
    return "Citus" if "citus" in extensions else "PostgreSQL"


def engine_problems(facts: EngineFacts) -> Iterator[Problem]:
    """What is missing, and what is known of this kind of server."""
    for need, words in facts.refused.items():
        yield lacking(need, words)
    known = KNOWN.get(facts.name)
    if known is not None:
        yield Problem(
            "engine",
            known.severity,
            f"this server is {facts.name}: {known.text}",
            About.SERVER,
            facts.name,
            known.fix,
        )


def lacking(need: Need, words: str) -> Problem:
    """What is wrong where something is refused."""
    severity = Severity.WARNING if need is Need.LISTEN else Severity.ERROR
    fix = "start workers with --no-listen" if need is Need.LISTEN else "keep the jobs in PostgreSQL"
    return Problem(
        "engine_lacks",
        severity,
        f"this server has no {need} ({words}): {_WITHOUT[need]}",
        About.SERVER,
        str(need),
        fix,
    )


def unasked(what: str, words: str) -> Problem:
    """What is wrong where a question is refused."""
    return Problem(
        "engine_lacks", Severity.ERROR, f"this server cannot say {what} ({words})", About.SERVER, None,
        "keep the jobs in PostgreSQL",
    )  # fmt: skip
