"""Names that anybody has stored make no lines and move no cursor, in tables and in the log."""

from __future__ import annotations

import logging

from pg_scheduler_cli.job_words import harmless
from pg_scheduler_cli.logs import FactsFormatter
from pg_scheduler_cli.output import table_lines

NAME = "mail\n2026-11-28 ERROR forged\x1b[2J\x00\u202e\ud800<b>'\"/"


def test_a_row_is_one_line_whatever_its_cells_hold() -> None:
    lines = table_lines(["TASK", "N"], [[str(harmless(NAME)), "1"], ["a", "2"]])
    assert len(lines) == 3
    assert all(line.isprintable() for line in lines)
    assert "<b>'\"/" in lines[1]


def test_a_record_of_the_library_is_one_line_and_one_of_the_program_is_as_it_is() -> None:
    def line_of(logger: str, message: str) -> str:
        record = logging.LogRecord(logger, logging.INFO, "", 1, message, (NAME,), None)
        record.task = NAME
        return FactsFormatter().format(record)

    assert line_of("pg_scheduler.cli.jobs", "job of %s").isprintable()
    assert line_of("shop", "first\nsecond %.4s").splitlines()[1].startswith("second mail task=mail\\n")
