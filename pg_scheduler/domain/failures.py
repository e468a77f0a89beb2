"""Failures that are alike: of one task, with one kind of exception, from one place in the user's code."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import NamedTuple

MOST_OF_GROUP = 1_000
"""So many failures of one kind are as many as any number, and counting ends."""
LOST_WORKER = "its worker died"
"""The kind of failure of a job that ended because its workers died under it."""
LONGEST = 200
"""Characters of a kind or a place that are kept."""

_OURS = ("pg_scheduler", "pg_scheduler_")
_FRAME = re.compile(r'^  File "([^"\n]+)", line \d+, in (\S+)', re.MULTILINE)
_NOT_THE_USERS = (
    "site-packages",
    "dist-packages",
    "/lib/python",
    "<frozen",
    "pg_scheduler/",
    "pg_scheduler\\",
)


class Failure(NamedTuple):
    """What failures have in common that are alike."""

    group: str
    """16 characters that stand for all of it and the task."""
    error_type: str
    """The class of the exception, with its module unless it is built in."""
    frame: str
    """The innermost function of the user's code: ``shop.mail.send``. Line numbers are left out, so that a
    deploy does not make a new kind of an old failure. Empty if there is none."""


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Failed jobs that are stored and failed alike."""

    group: str
    task_name: str
    error_type: str
    frame: str
    count: int
    exact: bool
    """False if there may be more than were counted."""
    first: datetime
    """When the first of those that are stored failed."""
    last: datetime
    sample: str
    """The error message of the last one."""
    sample_job_id: str
    last_hour: int
    hour_before: int
    """Failures in the hour before the last one: whether they become more."""
    last_day: int


@dataclass(frozen=True, slots=True)
class Failures:
    """What fails."""

    groups: tuple[FailureGroup, ...]
    """Those that failed last come first."""
    more: bool
    """Whether there are further groups."""
    now: datetime
    """The store's time."""


def group_of(task_name: str, error_type: str, frame: str) -> str:
    """What stands for failures that are alike."""
    text = "\n".join((task_name, error_type, frame))
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:16]


def failure_of(error: BaseException, traceback_text: str, task_name: str) -> Failure:
    """The kind of a failure: of an exception with its traceback as it is stored. Whatever the exception's
    author has done to it, this does not raise."""
    kind = type(error)
    try:
        module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
        name = f"{module}{kind.__qualname__}"
    except Exception:
        name = "an exception"
    error_type, frame = _kept(name), _kept(_users_frame(error, traceback_text))
    return Failure(group_of(task_name, error_type, frame), error_type, frame)


def _users_frame(error: BaseException, traceback_text: str) -> str:
    """The innermost frame of the user's code: of the exception itself, else of what its text tells, as that
    of a process does."""
    for module, function in reversed(list(_frames(error.__traceback__))):
        if _is_the_users(module):
            return f"{module}.{function}"
    for path, function in reversed(_FRAME.findall(traceback_text)):
        if not any(part in path for part in _NOT_THE_USERS):
            place = "/".join(re.split(r"[\\/]", path)[-2:]).removesuffix(".py")
            return f"{place}.{function}"
    return ""


def _frames(trace: TracebackType | None) -> Iterator[tuple[str, str]]:
    while trace is not None:
        code = trace.tb_frame.f_code
        yield str(trace.tb_frame.f_globals.get("__name__", "")), code.co_qualname
        trace = trace.tb_next


def _is_the_users(module: str) -> bool:
    top = module.partition(".")[0]
    if not top or top in sys.stdlib_module_names or top.startswith(_OURS[1]) or top == _OURS[0]:
        return False
    file = getattr(sys.modules.get(module), "__file__", None) or ""
    return not any(part in file for part in ("site-packages", "dist-packages"))


def _kept(text: str) -> str:
    text = text.replace("\x00", "").encode("utf-8", "backslashreplace").decode("utf-8")
    return text[:LONGEST]
