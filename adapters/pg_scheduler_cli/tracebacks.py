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

from pg_scheduler.domain.passwords import masked
from pg_scheduler_cli.errors import Failure

EXIT_APP_FAILED = 1
"""The command line was right; the program behind it failed."""

_ON_THE_WAY = (
    str(Path(__file__).parent),
    str(Path(importlib.__file__).parent),
    contextlib.__file__,
    "<frozen importlib",
)
"""Files whose frames stand between the command and the user's code."""
_SECRETS = ("PG_SCHEDULER_DSN", "DATABASE_URL")


def hidden(text: str) -> str:
    """`text` without passwords, those of the environment included."""
    for variable in _SECRETS:
        text = masked(text, os.environ.get(variable, ""))
    password = os.environ.get("PGPASSWORD")
    return masked(text, f"password='{password}'") if password else text


class AppFailed(Failure):
    """CompletionWaiter the command: one line on stderr, exit code 1."""

    exit_code = EXIT_APP_FAILED


class UsersCodeFailed(AppFailed):
    """An exception in the user's program: its traceback, then the line."""

    def __init__(self, doing: str, error: BaseException) -> None:
        super().__init__(f"{doing} failed: {hidden(_in_one_line(error))}")
        self.error = error

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(hidden(_without_our_frames(self.error)), err=True, file=file, nl=False)
        super().show(file)


@contextmanager
def users_code(doing: str) -> Iterator[None]:
    """What is raised within this block, other than a `Failure`, is a failure of the user's program. So is
    `SystemExit`: a worker that was not told to end must not look as if it had been."""
    try:
        yield
    except (Failure, KeyboardInterrupt, GeneratorExit, asyncio.CancelledError):
        raise
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
