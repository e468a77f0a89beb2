"""The search line: ``task:mail error:"timed out" since:1h``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pg_scheduler.client.job_choice import selection_from
from pg_scheduler.domain.errors import InvalidInput
from pg_scheduler.domain.selection import Selection
from pg_scheduler_web.forms import Fields
from pg_scheduler_web.words import search_term

WORDS: Mapping[str, str] = {
    "task": "the full name of a task or entrypoint",
    "queue": "the queue in which it waits",
    "worker": "the worker that runs it, or ran it last",
    "error": "a part of the error message",
    "since": "due then or later: 1h (ago), 7d, or 2026-01-31T12:00Z",
    "until": "due before then",
    "status": "pending, running, completed, failed, cancelled or expired",
}
"""What may stand before a colon."""
_TERM = re.compile(r'([a-z_]+):(?:"((?:[^"\\]|\\.)*)"|(\S*))|(\S+)')
_AGE = re.compile(r"(\d{1,6})\s*(s|m|min|h|d|w)")
_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 604800}


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
        if word not in WORDS:
            raise InvalidInput("search", f"there is no word {word!r}", f"One of: {', '.join(WORDS)}")
        value = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain
        if not value:
            raise InvalidInput("search", f"{word}: has no value")
        found.append(Term(word, value))
    return tuple(found)


def line_of(terms: tuple[Term, ...]) -> str:
    """The opposite."""
    return " ".join(map(str, terms))


def wanted_of(fields: Fields, now: datetime) -> tuple[Selection, tuple[Term, ...]]:
    """Which jobs a URL means, and the conditions of its search line.

    Raises:
        InvalidInput: a condition that cannot be.
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
    wanted = selection_from(
        status=statuses or None,
        task=given.get("task"),
        queue=given.get("queue"),
        worker=given.get("worker"),
        error=given.get("error"),
        since=_time("since", given.get("since"), now),
        until=_time("until", given.get("until"), now),
    )
    return wanted, terms


def _time(word: str, text: str | None, now: datetime) -> datetime | None:
    if text is None:
        return None
    if age := _AGE.fullmatch(text):
        return now - timedelta(seconds=int(age[1]) * _SECONDS[age[2]])
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(
            word, f"expected an age (1h, 7d) or a time in ISO 8601, got {text[:40]!r}"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
