"""The search line: ``task:mail error:"timed out" since:1h``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pg_scheduler.client.job_choice import selection_from
from pg_scheduler.domain.errors import InvalidInput
from pg_scheduler.domain.selection import Selection
from pg_scheduler_web.access import Access, Right
from pg_scheduler_web.forms import Fields
from pg_scheduler_web.times import time_of
from pg_scheduler_web.words import search_term

WORDS: Mapping[str, str] = {
    "task": "the full name of a task or entrypoint",
    "queue": "the queue in which it waits",
    "worker": "the worker that runs it, or ran it last",
    "error": "a part of the error message",
    "since": "ended, or due, then or later: 1h (ago), 7d, or 2026-01-31T12:00Z",
    "until": "ended, or due, before then",
    "key": "its dedupe key or its limit key",
    "id": "how its id begins",
    "group": "failed alike: a group of the failures",
    "audit": "changed by the act with this number",
    "status": "pending, running, completed, failed, cancelled or expired",
}
"""What may stand before a colon."""
ARGUMENT = "arg."
"""What the path of an argument stands behind: ``arg.user.id:7``, ``arg.args.0:7``."""
_TERM = re.compile(r'(arg\.[^\s:"]+|[a-z_]+):(?:"((?:[^"\\]|\\.)*)"|(\S*))|(\S+)')


@dataclass(frozen=True, slots=True)
class Term:
    """One condition of the line."""

    word: str
    value: str

    def __str__(self) -> str:
        return search_term(f"{self.word}:{self.value}")


def terms_of(line: str) -> tuple[Term, ...]:
    """The conditions of a line.

    Raises:
        InvalidInput: a word that there is not, or one without a value.
    """
    found = []
    for match in _TERM.finditer(line):
        word, quoted, plain, alone = match.groups()
        if alone is not None:
            raise InvalidInput(
                "search", f"{alone[:60]!r} stands alone", f"Write WORD:VALUE with one of {', '.join(WORDS)}"
            )
        if word not in WORDS and not word.startswith(ARGUMENT):
            raise InvalidInput(
                "search", f"there is no word {word!r}", f"One of: {', '.join(WORDS)}, arg.PATH"
            )
        value = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain
        if not value:
            raise InvalidInput("search", f"{word}: has no value")
        found.append(Term(word, value))
    return tuple(found)


def line_of(terms: tuple[Term, ...]) -> str:
    """The opposite."""
    return " ".join(map(str, terms))


def wanted_of(fields: Fields, access: Access, now: datetime) -> tuple[Selection, tuple[Term, ...]]:
    """Which jobs a URL means, and the conditions of its search line.

    Raises:
        InvalidInput: a condition that cannot be, or one about arguments by somebody who may not see them.
    """
    terms = terms_of(fields.get("q") or "")
    given: dict[str, str] = {}
    statuses = fields.all("status")
    for term in terms:
        if term.word == "status":
            statuses.append(term.value)
        elif term.word in given:
            raise InvalidInput("search", f"{term.word}: stands there twice")
        else:
            given[term.word] = term.value
    arguments = {
        word.removeprefix(ARGUMENT): value for word, value in given.items() if word.startswith(ARGUMENT)
    }
    if arguments and not access.may(Right.SEE_ARGS):
        raise InvalidInput("search", "arg. asks for arguments, and seeing them takes the right see_args")
    wanted = selection_from(
        status=statuses or None,
        task=given.get("task"),
        queue=given.get("queue"),
        worker=given.get("worker"),
        error=given.get("error"),
        since=time_of("since", given.get("since"), now),
        until=time_of("until", given.get("until"), now),
        arguments=arguments or None,
        key=given.get("key"),
        error_group=given.get("group"),
        id_prefix=given.get("id"),
        audit_id=None if "audit" not in given else _number("audit", given["audit"]),
    )
    return wanted, terms


def _number(word: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise InvalidInput(word, f"expected a whole number, got {text[:40]!r}")
    return int(text)
