"""What goes in comes out: same value, same type."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pg_scheduler.engine.codec.json_codec import JsonCodec
from tests.engine.codec.values import TRICKY, Colour, Unit, exactly, texts, values

codec = JsonCodec()


@given(values)
def test_a_result_comes_back_with_its_types(value: Any) -> None:
    assert exactly(codec.decode_result(codec.encode_result(value))) == exactly(value)


@given(st.lists(values, max_size=3), st.dictionaries(texts, values, max_size=3))
def test_arguments_come_back_with_their_types(args: list[Any], kwargs: dict[str, Any]) -> None:
    back = codec.decode_arguments(codec.encode_arguments(args, kwargs))
    assert exactly(list(back)) == exactly([args, kwargs])


@pytest.mark.parametrize("value", TRICKY, ids=lambda value: f"{type(value).__name__} {value!r:.30}")
def test_a_tricky_value_comes_back_as_it_was(value: Any) -> None:
    back = codec.decode_arguments(codec.encode_arguments([value], {"key": {"deep": (value,)}}))
    assert exactly(list(back)) == exactly([[value], {"key": {"deep": (value,)}}])


@given(values)
def test_the_stored_form_is_plain_json_of_two_keys(value: Any) -> None:
    stored = json.loads(codec.encode_arguments([value], {"key": value}))
    assert list(stored) == ["args", "kwargs"]
    assert isinstance(stored["args"], list)
    assert list(stored["kwargs"]) == ["key"]


@given(values, st.randoms())
def test_equal_arguments_give_equal_text_whatever_the_order_of_their_keys(
    value: Any, chance: random.Random
) -> None:
    def shuffled(one: Any) -> Any:
        if type(one) is dict:
            items = list(one.items())
            chance.shuffle(items)
            return {key: shuffled(item) for key, item in items}
        return [shuffled(item) for item in one] if type(one) is list else one

    kwargs = {"b": value, "a": value, "$c": value}
    assert codec.encode_arguments([value], kwargs) == codec.encode_arguments(
        [shuffled(value)], shuffled(kwargs)
    )


@given(values)
def test_what_came_back_gives_the_same_text_again(value: Any) -> None:
    text = codec.encode_result(value)
    assert codec.encode_result(codec.decode_result(text)) == text


@given(st.datetimes(timezones=st.timezones()))
def test_a_datetime_in_a_zone_comes_back_as_the_same_instant(moment: datetime) -> None:
    """Its zone's name does not travel, its offset does."""
    back = codec.decode_result(codec.encode_result(moment))
    assert back.replace(tzinfo=None) == moment.replace(tzinfo=None)
    assert back.utcoffset() == moment.utcoffset()


def test_the_repeated_hour_keeps_its_side_of_the_change() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    for fold, hour in ((0, 0), (1, 1)):
        moment = datetime(2030, 10, 27, 2, 30, tzinfo=berlin, fold=fold)
        back = codec.decode_result(codec.encode_result(moment))
        assert back.astimezone(UTC) == datetime(2030, 10, 27, hour, 30, tzinfo=UTC)


def test_a_str_subclass_travels_as_its_text() -> None:
    class Name(str):
        def __str__(self) -> str:
            return "something else"

    back = codec.decode_result(codec.encode_result(Name("text")))
    assert (type(back), back) == (str, "text")


def test_enums_as_keys_travel_as_their_text() -> None:
    assert codec.decode_result(codec.encode_result({Unit.METRE: 1})) == {"m": 1}


def test_an_alias_of_an_enum_member_is_that_member() -> None:
    assert codec.decode_result(codec.encode_result(Colour.CRIMSON)) is Colour.RED


@pytest.mark.parametrize("stored", ["null", "{}", '{"args": null}', '{"kwargs": null}', '{"args": []}'])
def test_a_row_without_arguments_has_none(stored: str) -> None:
    """Rows that SQL wrote: every part may be missing."""
    assert codec.decode_arguments(stored) == ([], {})


def test_plain_json_that_sql_wrote_reads_as_it_looks() -> None:
    stored = '{"args": [1, "two", [3.5, null]], "kwargs": {"$key": {"a": true, "b": {}}}}'
    assert codec.decode_arguments(stored) == ([1, "two", [3.5, None]], {"$key": {"a": True, "b": {}}})
