"""What a worker process answers."""

from __future__ import annotations

from enum import StrEnum


class Answer(StrEnum):
    """The first item of an answer, before its value."""

    RESULT = "result"
    FAILURE = "failure"
    """The value is the exception's class and its message with the traceback."""
    SNOOZE = "snooze"
    """The function asks to be run again; the value is the delay."""
    UNCARRIED = "uncarried"
    """The function returned something that JSON cannot carry; the value says what."""
