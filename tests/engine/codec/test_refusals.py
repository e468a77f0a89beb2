"""What cannot be carried is refused at once, by the place where it stands and by its type."""

from __future__ import annotations

import asyncio
import io
import re
from collections import OrderedDict, namedtuple
from collections.abc import Iterator
from dataclasses import InitVar, dataclass
from datetime import UTC, datetime, time
from decimal import Decimal
from enum import Enum
from pathlib import PurePosixPath
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pg_scheduler import InvalidInput, UnencodablePayload
from pg_scheduler.engine.codec.json_codec import JsonCodec
from pg_scheduler.engine.codec.json_encoding import MAX_BITS, MAX_DEPTH
from tests.engine.codec.values import Point

codec = JsonCodec()
Pair = namedtuple("Pair", "one other")


class Whole(int):
    pass


class Moment(datetime):
    pass


@dataclass
class Asking:
    kept: int
    asked: InitVar[int]


@dataclass
class Base:
    x: int


class SaysItsOwn(Base):
    def __init__(self, path: str) -> None:
        super().__init__(len(path))


def local_enum() -> object:
    class Local(Enum):
        ONE = 1

    return Local.ONE


def local_dataclass() -> object:
    @dataclass
    class Local:
        x: int = 1

    return Local()


def endless_list() -> list[Any]:
    items: list[Any] = []
    items.append(items)
    return items


def endless_dict() -> dict[str, Any]:
    items: dict[str, Any] = {}
    items["self"] = items
    return items


def endless_dataclass() -> Point:
    point = Point(0)
    object.__setattr__(point, "y", [point])
    return point


def deep() -> list[Any]:
    items: list[Any] = []
    for _ in range(MAX_DEPTH + 1):
        items = [items]
    return items


def deeper_than_the_stack() -> tuple[Any, ...]:
    items: tuple[Any, ...] = ()
    for _ in range(100_000):
        items = (items,)
    return items


def wide() -> list[Any]:
    """Sixty lists in memory, and 2 ** 60 values on paper."""
    items: list[Any] = []
    for _ in range(60):
        items = [items, items]
    return items


def numbers() -> Iterator[int]:
    yield 1


NOT_JSON = "cannot be stored as JSON"
REFUSED: dict[str, tuple[Any, str]] = {
    "an object": (object(), f"builtins.object {NOT_JSON}"),
    "a class": (Point, f"builtins.type {NOT_JSON}"),
    "a function": (numbers, f"builtins.function {NOT_JSON}"),
    "a lambda": (lambda: 1, f"builtins.function {NOT_JSON}"),
    "a generator": (numbers(), f"builtins.generator {NOT_JSON}"),
    "an exception": (ValueError("x"), f"builtins.ValueError {NOT_JSON}"),
    "a module": (asyncio, f"builtins.module {NOT_JSON}"),
    "a file": (io.StringIO(), f"_io.StringIO {NOT_JSON}"),
    "a pattern": (re.compile("x"), f"re.Pattern {NOT_JSON}"),
    "a path": (PurePosixPath("/tmp"), f"{PurePosixPath.__module__}.PurePosixPath {NOT_JSON}"),
    "a set": ({1}, f"builtins.set {NOT_JSON}"),
    "a frozen set": (frozenset(), f"builtins.frozenset {NOT_JSON}"),
    "a complex number": (1j, f"builtins.complex {NOT_JSON}"),
    "a bytearray": (bytearray(b"x"), f"builtins.bytearray {NOT_JSON}"),
    "a range": (range(3), f"builtins.range {NOT_JSON}"),
    "a zone": (ZoneInfo("Europe/Paris"), f"zoneinfo.ZoneInfo {NOT_JSON}"),
    "a named tuple": (Pair(1, 2), f"test_refusals.Pair {NOT_JSON}"),
    "an ordered dict": (OrderedDict(), f"collections.OrderedDict {NOT_JSON}"),
    "an int of another class": (Whole(1), f"test_refusals.Whole {NOT_JSON}"),
    "a datetime of another class": (Moment(2030, 1, 1, tzinfo=UTC), f"test_refusals.Moment {NOT_JSON}"),
    "not a number": (float("nan"), "nan is not a JSON number"),
    "an infinity": (float("-inf"), "-inf is not a JSON number"),
    "a decimal nan": (Decimal("NaN"), "Decimal NaN is not a finite number"),
    "a decimal signalling nan": (Decimal("sNaN"), "Decimal sNaN is not a finite number"),
    "a decimal infinity": (Decimal("-Infinity"), "Decimal -Infinity is not a finite number"),
    "a number of too many digits": (10**100_000, f"the limit is {MAX_BITS}"),
    "a nul": ("a\x00b", "holds a NUL character"),
    "a lone surrogate": ("a\udfffb", "holds a lone surrogate"),
    "a time in a zone": (time(9, tzinfo=ZoneInfo("Europe/Paris")), "no offset without a date"),
    "a key that is a number": ({1: "x"}, "keys must be str, got 1"),
    "a key that is None": ({"a": 1, None: 2}, "keys must be str, got None"),
    "a local enum": (local_enum(), "Local cannot be found by its name"),
    "a local dataclass": (local_dataclass(), "Local cannot be found by its name"),
    "a dataclass that asks for more": (Asking(1, 2), "test_refusals:Asking cannot be made of its fields"),
    "a dataclass with an init of its own": (SaysItsOwn("x"), "missing a required argument: 'path'"),
}


@pytest.mark.parametrize("named", REFUSED)
def test_a_refusal_names_the_argument_and_what_is_wrong_with_it(named: str) -> None:
    value, problem = REFUSED[named]
    with pytest.raises(UnencodablePayload) as refused:
        codec.encode_arguments([1, value], {})
    assert refused.value.field.startswith("args[1]")
    assert problem in str(refused.value)
    with pytest.raises(UnencodablePayload) as refused:
        codec.encode_arguments([], {"order": value})
    assert refused.value.field.startswith("kwargs['order']")
    with pytest.raises(UnencodablePayload) as refused:
        codec.encode_result(value)
    assert refused.value.field.startswith("result")


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ([0, {"a": (1, {"b": object()})}], "args[0][1]['a'][1]['b']"),
        (Point(x=0, y=[object()]), "args[0].y[0]"),  # type: ignore[arg-type]
        ({"a": {"k\x00": 1}}, "args[0]['a'] key"),
        ({"x" * 10_000: object()}, "args[0]['xxxxx"),
    ],
)
def test_the_place_is_told_all_the_way_down(value: Any, path: str) -> None:
    with pytest.raises(UnencodablePayload) as refused:
        codec.encode_arguments([value], {})
    assert refused.value.field.startswith(path)
    assert len(str(refused.value)) < 500


def test_keyword_names_are_checked_too() -> None:
    with pytest.raises(UnencodablePayload, match="kwargs key: holds a NUL"):
        codec.encode_arguments([], {"na\x00me": 1})


@pytest.mark.parametrize("make", [deep, deeper_than_the_stack, endless_list, endless_dict, endless_dataclass])
def test_what_is_too_deep_is_refused_before_it_fills_the_stack(make: Any) -> None:
    with pytest.raises(UnencodablePayload, match=f"nested more than {MAX_DEPTH} deep") as refused:
        codec.encode_arguments([make()], {})
    assert len(refused.value.field) <= 80


def test_nesting_up_to_the_limit_is_carried() -> None:
    items: list[Any] = []
    for _ in range(MAX_DEPTH):
        items = [items]
    assert codec.decode_result(codec.encode_result(items)) == items


@pytest.mark.slow
def test_what_would_be_endless_on_paper_is_refused_too() -> None:
    with pytest.raises(UnencodablePayload, match="values in one payload"):
        codec.encode_arguments([wide()], {})


def test_what_is_too_long_is_refused_with_both_lengths() -> None:
    small = JsonCodec(max_bytes=100)
    with pytest.raises(UnencodablePayload, match=r"arguments: 2\d\d bytes encoded; the limit is 100"):
        small.encode_arguments(["ä" * 100], {})
    with pytest.raises(UnencodablePayload, match=r"result: .* Store the data elsewhere and pass its key"):
        small.encode_result("x" * 101)
    assert small.encode_result("x" * 98)


def test_ten_megabytes_are_the_limit_unless_said_otherwise() -> None:
    with pytest.raises(UnencodablePayload, match="the limit is 10485760"):
        codec.encode_arguments(["x" * 10 * 1024 * 1024], {})


def test_a_refusal_is_a_type_error_and_a_value_error() -> None:
    with pytest.raises(UnencodablePayload) as refused:
        codec.encode_result(object())
    assert isinstance(refused.value, InvalidInput)
    assert isinstance(refused.value, TypeError)
    assert isinstance(refused.value, ValueError)


@given(st.text(st.characters(), max_size=10))
def test_every_text_is_carried_or_refused_and_never_changed(text: str) -> None:
    try:
        assert codec.decode_result(codec.encode_result(text)) == text
    except UnencodablePayload:
        assert "\x00" in text or any("\ud800" <= char <= "\udfff" for char in text)
