"""A row is data: nothing is imported and nothing is run because it says so."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from enum import Enum
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pg_scheduler.engine.codec.json_codec import JsonCodec, UndecodablePayload
from tests.engine.codec.values import Colour, Parcel

codec = JsonCodec()
calls: list[str] = []
HERE = __name__


def called() -> None:
    calls.append("function")


class Plain:
    def __init__(self, **fields: Any) -> None:
        calls.append("plain class")


@dataclass
class Hidden:
    """Reached through an instance, not by a name of its own."""

    x: int = 0


holder = Plain
instance = Hidden()


@pytest.fixture(autouse=True)
def _nothing_was_imported_or_called() -> Any:
    calls.clear()
    before = imported()
    yield
    assert imported() == before
    assert calls == []


def imported() -> set[str]:
    """Hypothesis imports parts of its own when it needs them."""
    return {name for name in sys.modules if not name.startswith("hypothesis.")}


@pytest.mark.parametrize(
    "text",
    [
        '{"$enum": ["antigravity:geohash", "x"]}',
        '{"$enum": ["xml.dom.minidom:Node", "x"]}',
        '{"$enum": ["os:system", "true"]}',
        '{"$enum": ["builtins:dict", "x"]}',
        f'{{"$enum": ["{HERE}:called", "x"]}}',
        f'{{"$enum": ["{HERE}:Plain", "x"]}}',
        f'{{"$enum": ["{HERE}:Hidden", "x"]}}',
        f'{{"$enum": ["{HERE}:instance.x", "x"]}}',
        f'{{"$enum": ["{HERE}:Hidden.__init__", "x"]}}',
        f'{{"$enum": ["{HERE}:Hidden.__class__", "x"]}}',
        f'{{"$enum": ["{HERE}:", "x"]}}',
        '{"$enum": ["", ""]}',
        '{"$dataclass": ["antigravity:Webbrowser", {}]}',
        '{"$dataclass": ["subprocess:Popen", {"args": "true"}]}',
        f'{{"$dataclass": ["{HERE}:called", {{}}]}}',
        f'{{"$dataclass": ["{HERE}:Plain", {{"x": 1}}]}}',
        f'{{"$dataclass": ["{HERE}:holder", {{"x": 1}}]}}',
        f'{{"$dataclass": ["{HERE}:instance", {{}}]}}',
        '{"$dataclass": ["tests.engine.codec.values:Colour", {}]}',
    ],
)
def test_a_name_in_a_row_means_a_loaded_enum_or_dataclass_or_nothing(text: str) -> None:
    with pytest.raises(UndecodablePayload):
        codec.decode_result(text)


def test_a_module_is_not_asked_for_attributes_that_it_would_have_to_fetch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Lazy modules import on attribute access, as this project's own `db` does."""
    lazy = ModuleType("lazy_for_this_test")
    lazy.__getattr__ = lambda name: calls.append(name)  # type: ignore[method-assign]
    monkeypatch.setitem(sys.modules, "lazy_for_this_test", lazy)
    with pytest.raises(UndecodablePayload, match="no enum lazy_for_this_test:Colour is loaded"):
        codec.decode_result('{"$enum": ["lazy_for_this_test:Colour", "RED"]}')
    monkeypatch.undo()


def test_a_nested_class_is_found_by_its_qualified_name() -> None:
    text = codec.encode_result(Parcel.Size.SMALL)
    assert "Parcel.Size" in text
    assert codec.decode_result(text) is Parcel.Size.SMALL


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"$enum": ["tests.engine.codec.values:Colour", "GREEN"]}', "GREEN"),
        ('{"$enum": ["tests.engine.codec.values:Right", 64]}', "64"),
        ('{"$enum": "tests.engine.codec.values:Colour"}', "$enum cannot be read"),
        ('{"$enum": [["tests.engine.codec.values"], "RED"]}', "$enum cannot be read"),
        ('{"$dataclass": ["tests.engine.codec.values:Money", {"amount": 1, "colour": 2}]}', "colour"),
        ('{"$dataclass": ["tests.engine.codec.values:Money", []]}', "$dataclass cannot be read"),
        ('{"$datetime": "tomorrow"}', "tomorrow"),
        ('{"$date": 20300101}', "$date cannot be read"),
        ('{"$timedelta": [1]}', "$timedelta cannot be read"),
        ('{"$timedelta": [1000000000, 0, 0]}', "$timedelta cannot be read"),
        ('{"$uuid": "not one"}', "not one"),
        ('{"$decimal": "one"}', "$decimal cannot be read"),
        ('{"$bytes": "a"}', "$bytes cannot be read"),
        ('{"$float": null}', "$float cannot be read"),
        ('{"$tuple": 5}', "$tuple cannot be read"),
        ('{"$dict": []}', "$dict cannot be read"),
    ],
)
def test_a_row_that_somebody_broke_says_which_part_cannot_be_read(text: str, problem: str) -> None:
    with pytest.raises(UndecodablePayload) as refused:
        codec.decode_result(text)
    assert problem in str(refused.value)


tags = st.sampled_from(["$datetime", "$enum", "$dataclass", "$tuple", "$dict", "$float", "$bytes", "$uuid"])
names = st.sampled_from(
    ["tests.engine.codec.values:Colour", "tests.engine.codec.values:Money", f"{HERE}:called", "os:system"]
)
trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | names,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(tags | st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=8,
)


@given(trees)
def test_any_json_reads_as_a_value_or_is_refused_as_undecodable(tree: Any) -> None:
    try:
        codec.decode_result(json.dumps(tree))
    except UndecodablePayload:
        pass


def test_an_enum_is_looked_up_by_name_and_its_value_plays_no_part() -> None:
    assert codec.encode_result(Colour.NIGHT) == '{"$enum":["tests.engine.codec.values:Colour","NIGHT"]}'
    assert isinstance(Colour.NIGHT, Enum)
