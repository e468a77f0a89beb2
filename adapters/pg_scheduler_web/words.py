"""How values read on the page."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from markupsafe import Markup

from pg_scheduler.domain.passwords import masked

SHOWN_AT_MOST = 20_000
"""Characters of a text that a page shows."""
LINE_AT_MOST = 240
"""Characters of a text that a line of a list shows."""
NOTHING = "\N{EN DASH}"
HIDDEN = "•••"
"""What stands for a value that is not shown."""


def harmless(value: object) -> str:
    """Text from a job as it may stand on a page: what could not be sent, or would turn the text around it, is
    escaped."""
    text = str(value)
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() or letter in "\n\t\u200d" else ascii(letter)[1:-1] for letter in text
    )


def in_a_line(value: object) -> str:
    """The first line of a text, shortened."""
    lines = str(value or "").strip().splitlines()
    first = lines[0] if lines else ""
    return harmless(first if len(first) <= LINE_AT_MOST else f"{first[:LINE_AT_MOST]}…")


def whole(value: object) -> str:
    """A text, or so much of it as a page can bear."""
    text = str(value)
    if len(text) <= SHOWN_AT_MOST:
        return harmless(text)
    return harmless(text[:SHOWN_AT_MOST]) + f"\n… ({len(text) - SHOWN_AT_MOST:,} more characters)"


def span(length: timedelta | None) -> str:
    """A length of time in words: ``4 min``."""
    if length is None:
        return NOTHING
    seconds = max(length.total_seconds(), 0.0)
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    if 0 < seconds < 0.0995:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"


def instant(moment: datetime | None) -> Markup:
    """A time: in UTC as it is sent, in the viewer's zone where scripts run."""
    if moment is None:
        return Markup('<span class="none">{}</span>').format(NOTHING)
    utc = moment.astimezone(UTC)
    stamp = utc.isoformat(timespec="milliseconds")
    shown = utc.strftime("%Y-%m-%d %H:%M:%S")
    return Markup('<time datetime="{}" title="{} UTC">{} UTC</time>').format(stamp, shown, shown)


def age(moment: datetime | None, now: datetime) -> Markup:
    """How long ago, or how soon; the time itself on hover."""
    if moment is None:
        return Markup('<span class="none">{}</span>').format(NOTHING)
    utc = moment.astimezone(UTC)
    ahead = moment > now
    text = span(moment - now if ahead else now - moment)
    return Markup('<time class="age" datetime="{}" title="{} UTC">{}</time>').format(
        utc.isoformat(timespec="milliseconds"),
        utc.strftime("%Y-%m-%d %H:%M:%S"),
        f"in {text}" if ahead else f"{text} ago",
    )


def number(value: float | int | None) -> str:
    """A number with its thousands apart."""
    if value is None:
        return NOTHING
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.10g}"


def capped(count: int, most: int) -> str:
    """A count that ended at `most`: ``10,000+``."""
    return f"{most:,}+" if count >= most else f"{count:,}"


def sentence(text: str) -> str:
    """With a capital letter at its beginning."""
    return text[:1].upper() + text[1:]


def plural(count: int, one: str, many: str | None = None) -> str:
    """``1 job``, ``2 jobs``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def is_secret(key: object, redact: Sequence[str]) -> bool:
    """Whether what stands under this key is not to be shown."""
    lowered = str(key).lower()
    return any(word.lower() in lowered for word in redact)


def redacted(value: Any, redact: Sequence[str]) -> Any:
    """A JSON value without what stands under secret keys, however deep."""
    if isinstance(value, dict):
        return {
            key: HIDDEN if is_secret(key, redact) else redacted(one, redact) for key, one in value.items()
        }
    return [redacted(one, redact) for one in value] if isinstance(value, list) else value


def json_shown(text: str | None, redact: Sequence[str]) -> str | None:
    """JSON text for people, without secrets; text that is no JSON as it is."""
    if text is None:
        return None
    try:
        return json.dumps(redacted(json.loads(text), redact), indent=2, ensure_ascii=False)
    except json.JSONDecodeError:
        return masked(text)
    except (RecursionError, ValueError):  # nested too deep, or a number of thousands of digits
        return f"({len(text):,} characters of JSON that cannot be shown)"


def of_arguments(text: str, redact: Sequence[str]) -> str | None:
    """The arguments of a job; None if there are none."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return json_shown(text, redact)
    if isinstance(value, dict) and set(value) <= {"args", "kwargs"} and not any(value.values()):
        return None
    return json_shown(text, redact)


def for_a_shell(text: str) -> str:
    """As an argument of a command."""
    return harmless(shlex.quote(text))


def search_term(text: str) -> str:
    """``word:value`` as one condition of a search line, whatever the value holds."""
    word, _, value = text.partition(":")
    if re.fullmatch(r'[^\s"\\]+', value):
        return text
    return f'{word}:"' + re.sub(r'(["\\])', r"\\\1", value) + '"'
