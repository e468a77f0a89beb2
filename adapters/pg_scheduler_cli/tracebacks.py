"""Failures of the user's own program: shown with their traceback, without passwords."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import click

from pg_scheduler.domain.errors import ConfigurationError
from pg_scheduler.domain.passwords import masked
from pg_scheduler_cli.errors import Failure, explained

EXIT_APP_FAILED = 1
"""The command line was valid, but the user's program failed."""

_ON_THE_WAY = (
    str(Path(__file__).parent),
    str(Path(importlib.__file__).parent),
    contextlib.__file__,
    "<frozen importlib",
)
"""Files whose frames come before the user's code in a traceback."""
_SECRETS = ("PG_SCHEDULER_DSN", "DATABASE_URL")


def hidden(text: str) -> str:
    """`text` without passwords, including those set in the environment."""
    for variable in _SECRETS:
        text = masked(text, os.environ.get(variable, ""))
    password = os.environ.get("PGPASSWORD")
    return masked(text, f"password='{password}'") if password else text


class AppFailed(Failure):
    """Ends the command with one line on stderr and exit code 1."""

    exit_code = EXIT_APP_FAILED


class UsersCodeFailed(AppFailed):
    """An exception in the user's program: shows its traceback, then the line."""

    def __init__(self, doing: str, error: BaseException) -> None:
        super().__init__(f"{doing} failed: {hidden(_in_one_line(error))}")
        self.error = error

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(hidden(_without_our_frames(self.error)), err=True, file=file, nl=False)
        super().show(file)


@contextmanager
def users_code(doing: str) -> Iterator[None]:
    """Within this block, any exception but a `Failure` counts as a failure of the user's program. So does
    `SystemExit`: a worker that nobody stopped must not look as if it had been stopped. A configuration that
    cannot be used is no failure of the program: whoever starts it again would meet it again."""
    try:
        yield
    except (Failure, KeyboardInterrupt, GeneratorExit, asyncio.CancelledError):
        raise
    except ConfigurationError as error:
        raise Failure(f"{doing}: {hidden(explained(error))}") from error
    except BaseException as error:
        raise UsersCodeFailed(doing, error) from error


def _in_one_line(error: BaseException) -> str:
    return " ".join("".join(traceback.format_exception_only(error)).split())


def _without_our_frames(error: BaseException) -> str:
    """The traceback from where the user's code begins."""
    summary = traceback.TracebackException.from_exception(error)
    frames = list(summary.stack)
    while frames and frames[0].filename.startswith(_ON_THE_WAY):
        frames.pop(0)
    summary.stack = traceback.StackSummary.from_list(frames)
    return "".join(summary.format())
