"""`manage.py pgq`: the command `pgq` on this project's database."""

from __future__ import annotations

import os
import sys
from typing import Any

from django.core.management.base import BaseCommand

from pg_scheduler_django.conf import conf
from pg_scheduler_django.sources import url_of

WORKER = "pg_scheduler_django.worker:scheduler"


class Command(BaseCommand):
    """Hands the rest of the command line on."""

    help = "Run and inspect jobs: `manage.py pgq run` is a worker, `manage.py pgq --help` shows the rest."

    def run_from_argv(self, argv: list[str]) -> None:
        """As Django calls it from the command line."""
        self._hand_on(argv[2:])

    def add_arguments(self, parser: Any) -> None:
        """For `call_command("pgq", "jobs", "list")`."""
        parser.add_argument("words", nargs="*")

    def handle(self, *args: Any, words: list[str], **_: Any) -> None:
        """As a program calls it."""
        self._hand_on(words)

    def _hand_on(self, words: list[str]) -> None:
        from pg_scheduler_cli.main import main

        given = conf()
        os.environ["PG_SCHEDULER_DSN"] = url_of(given.database)
        if words[:1] == ["run"] and "--help" not in words:
            words = [*words, "--", WORKER]
        elif given.schema is not None and "--schema" not in words:
            words = [*words, "--schema", given.schema] if words else words
        sys.path.insert(0, os.getcwd())
        main(args=words, prog_name="manage.py pgq")
