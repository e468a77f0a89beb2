"""Models of pydantic's, structs of msgspec's and paths arrive as what they were, and as what is annotated."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, Literal, TypedDict
from uuid import UUID

import msgspec
import pydantic
import pytest

from pg_scheduler import InvalidInput, Scheduler, UnencodablePayload, current_job
from pg_scheduler.engine.codec.json_codec import JsonCodec, UndecodablePayload
from pg_scheduler.testing import MemoryDriver, drain

codec = JsonCodec()
NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


class Line(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(strict=True)
    item: str = pydantic.Field(alias="Item")
    price: Decimal


class Order(pydantic.BaseModel):
    id: UUID
    at: datetime
    lines: list[Line] = []
    weight: float = 1e22
    tag: dict[str, int] = {"$tuple": 1}


class Secret(pydantic.BaseModel):
    password: pydantic.SecretStr


class Parcel(msgspec.Struct):
    number: int
    at: datetime
    sizes: dict[int, float] = {}


class Colour(Enum):
    RED = 1


@dataclass
class Point:
    x: int


class Options(TypedDict):
    quick: bool


ORDER = Order(id=UUID(int=7), at=NOON, lines=[Line(Item="tea", price=Decimal("1.10"))])
PARCEL = Parcel(7, NOON, {1: 2.5})


@pytest.mark.parametrize("value", [ORDER, PARCEL, Path("a") / "b.txt", [ORDER, {"deep": (PARCEL,)}]], ids=str)
def test_it_comes_back_as_it_was(value: Any) -> None:
    (back,), _ = codec.decode_arguments(codec.encode_arguments([value], {}))
    assert back == value
    assert type(back) is type(value)


def test_what_would_come_back_as_another_is_refused() -> None:
    class Local(pydantic.BaseModel):
        x: int = 1

    for value, says in (
        (Secret(password=pydantic.SecretStr("sesame")), "would come back as another"),
        (Local(), "cannot be found by its name"),
        (Order.model_construct(id="x", at=NOON), "cannot be made of its fields again"),
    ):
        with pytest.raises(UnencodablePayload, match=rf"args\[0\]: .*{says}"):
            codec.encode_arguments([value], {})


@pytest.mark.parametrize("name", ["Point", "Colour", "missing", "codec"])
def test_a_row_can_name_nothing_but_a_model(name: str) -> None:
    with pytest.raises(UndecodablePayload, match=r"no model .* is loaded"):
        codec.decode_arguments(json.dumps({"args": [{"$model": [f"{__name__}:{name}", {}]}], "kwargs": {}}))


def test_a_stored_model_that_lacks_a_field_says_which() -> None:
    for cls, field in ((Order, "id"), (Parcel, "number")):
        stored = {"args": [{"$model": [f"{__name__}:{cls.__name__}", {}]}], "kwargs": {}}
        with pytest.raises(UndecodablePayload, match=field):
            codec.decode_arguments(json.dumps(stored))


async def buy(
    order: Order,
    parcel: Parcel | None = None,
    *,
    when: datetime = NOON,
    colour: Colour | Point = Colour.RED,
    file: Path | str = "",
    kind: Literal["a"] = "a",
    options: Options | None = None,
) -> None:
    seen.append((order, parcel, when, colour, file, current_job().attempt))


seen: list[Any] = []


async def test_a_function_is_called_with_what_it_is_annotated_with() -> None:
    scheduler = Scheduler(MemoryDriver())
    await scheduler.enqueue(buy, ORDER, PARCEL, when=NOON, colour=Point(3), file=Path("x"))
    await scheduler.enqueue(buy, ORDER, None, file="x", options={"quick": True})
    await drain(scheduler, raise_errors=True)
    assert seen == [(ORDER, PARCEL, NOON, Point(3), Path("x"), 1), (ORDER, None, NOON, Colour.RED, "x", 1)]
    await scheduler.shutdown()


@pytest.mark.parametrize(
    ("kwargs", "says"),
    [
        ({"order": ORDER.model_dump()}, r"order: expected Order, got \{"),
        ({"order": ORDER, "parcel": {"number": 1}}, "parcel: expected Parcel, got"),
        ({"order": ORDER, "when": "2030-01-01"}, "when: expected datetime, got '2030-01-01'"),
        ({"order": ORDER, "when": None}, "when: expected datetime, got None"),
        ({"order": ORDER, "colour": "RED"}, "colour: expected Colour or Point, got 'RED'"),
    ],
    ids=["model", "struct", "datetime", "None", "enum"],
)
async def test_what_is_not_what_is_annotated_is_refused_by_name(kwargs: dict[str, Any], says: str) -> None:
    scheduler = Scheduler(MemoryDriver())
    for refused in (
        scheduler.enqueue(buy, **kwargs),
        scheduler.schedule(buy, kwargs=kwargs),
        scheduler.add_schedule(buy, cron="@daily", kwargs=kwargs),
    ):
        with pytest.raises(InvalidInput, match=says):
            await refused


def test_neither_library_is_imported_by_ours() -> None:
    program = (
        "import sys, pg_scheduler; print([one for one in ('pydantic', 'msgspec') if one in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "[]\n"
