"""Which failures are alike."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable

import pytest

from pg_scheduler.domain.failures import LONGEST, failure_of

HERE = __name__


def _raised(function: Callable[[], object]) -> BaseException:
    try:
        function()
    except BaseException as error:
        return error
    raise AssertionError("it should have raised")


def _text(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


def _loads(text: str) -> object:
    return json.loads(text)


class Hostile(Exception):
    """Whose class is not what it looks like."""

    __module__ = "x" * 1000


def test_the_innermost_frame_of_the_users_code_counts_and_no_line_or_message_does() -> None:
    one = _raised(lambda: _loads("{"))
    other = _raised(lambda: _loads("["))
    failure = failure_of(one, _text(one), "task")
    assert (failure.error_type, failure.frame) == ("json.decoder.JSONDecodeError", f"{HERE}._loads")
    assert failure_of(other, _text(other), "task") == failure
    assert failure_of(other, _text(other), "other").group != failure.group
    assert len(failure.group) == 16


def test_another_place_or_another_kind_is_another_group() -> None:
    groups = {
        failure_of(error, _text(error), "task").group
        for error in (_raised(lambda: 1 // 0), _raised(lambda: [][7]), _raised(lambda: _loads("{")))
    }
    assert len(groups) == 3


def test_of_an_exception_from_another_process_the_text_tells_where_it_was() -> None:
    text = (
        'Traceback (most recent call last):\n  File "/srv/7/shop/mail.py", line 3, in send\n    x()\n'
        '  File "/usr/lib/python3.11/json/decoder.py", line 355, in raw_decode\nValueError: no\n'
    )
    assert failure_of(ValueError("no"), text, "task").frame == "shop/mail.send"
    assert failure_of(ValueError("no"), "ValueError: no", "task").frame == ""


@pytest.mark.parametrize("name", [None, 7])
def test_whatever_an_exceptions_class_is_it_has_a_group(name: object) -> None:
    hostile = _raised(lambda: (_ for _ in ()).throw(Hostile()))
    assert len(failure_of(hostile, "", "a\ud800b").error_type) == LONGEST
    broken = type("Broken", (Exception,), {"__module__": name})
    assert failure_of(broken("x"), "", "task").error_type == f"{name}.Broken"
