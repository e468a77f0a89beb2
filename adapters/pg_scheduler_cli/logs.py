"""Logging of `pgq run`: to stderr, with the `extra` fields of the records, without passwords."""

from __future__ import annotations

import logging
import sys

from pg_scheduler.logs import JobFilter, JsonFormatter
from pg_scheduler_cli.tracebacks import hidden

LEVELS = ("debug", "info", "warning", "error")
FORMATS = ("text", "json")

_USUAL = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
"""Attributes of every record; the others were passed as `extra`."""


def in_a_line(value: object) -> str:
    """Text that may hold names which anybody has stored: it makes no line of its own, and no terminal obeys
    it."""
    text = str(value)
    return (
        text
        if text.isprintable()
        else "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)
    )


class FactsFormatter(logging.Formatter):
    """One line that ends with the `extra` fields; a traceback below it."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s [%(process)d] %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name is logging's
        facts = {name: value for name, value in vars(record).items() if name not in _USUAL}
        fields = " ".join(f"{name}={in_a_line(value)}" for name, value in facts.items())
        message = super().formatMessage(record)
        if record.name.partition(".")[0] == "pg_scheduler":  # the lines of the program's own code are its own
            message = in_a_line(message)
        return f"{message}{' ' if fields else ''}{fields}"

    def format(self, record: logging.LogRecord) -> str:
        return hidden(super().format(record))


class HidingJsonFormatter(JsonFormatter):
    """One JSON object per line, without passwords."""

    def format(self, record: logging.LogRecord) -> str:
        return hidden(super().format(record))


def log_to_stderr(level: str, form: str = "text") -> None:
    """Log everything of `level` and above to stderr, in one of `FORMATS`. The library itself configures no
    logging."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(HidingJsonFormatter() if form == "json" else FactsFormatter())
    if form == "json":
        handler.addFilter(JobFilter())
    logging.basicConfig(level=level.upper(), handlers=[handler])
    logging.getLogger("asyncio").setLevel(logging.WARNING)
