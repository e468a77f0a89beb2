"""Values that the codec carries, and a comparison that sees every difference."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, Flag, IntEnum, StrEnum
from typing import Any

from hypothesis import strategies as st


class Colour(Enum):
    RED = 1
    CRIMSON = 1  # noqa: PIE796 - an alias, on purpose
    NIGHT = "black"


class Level(IntEnum):
    LOW = 1
    HIGH = 10


class Unit(StrEnum):
    METRE = "m"
    DEGREE = "°"


class Right(Flag):
    READ = 1
    WRITE = 2
    RUN = 4


@dataclass
class Money:
    amount: Decimal
    currency: str = "EUR"


@dataclass(frozen=True, slots=True)
class Point:
    x: float
    y: float = -0.0


@dataclass(kw_only=True)
class Parcel:
    content: Any = None
    price: Money = field(default_factory=lambda: Money(Decimal("0.10")))
    colour: Colour = Colour.RED
    stamps: dict[str, Any] = field(default_factory=dict)
    weight: int = field(init=False, default=7)

    class Size(Enum):
        SMALL = "S"


# Whole seconds, as in every zone there ever was: Python itself misreads an offset of microseconds.
offsets = st.integers(-86_399, 86_399).map(lambda seconds: timezone(timedelta(seconds=seconds)))
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
tag_like = st.sampled_from(["$", "$dict", "$datetime", "$enum", "$float", "$unknown", "args", "kwargs"])
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(2**12_000), 2**12_000),
    st.floats(allow_nan=False, allow_infinity=False),
    texts,
    st.datetimes(),
    st.datetimes(timezones=offsets),
    st.dates(),
    st.times(),
    st.times(timezones=offsets),
    st.timedeltas(),
    st.uuids(),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.binary(max_size=20),
    st.sampled_from([*Colour, *Level, *Unit, *Parcel.Size]),
    st.builds(Right, st.integers(0, 7)),
    st.builds(Money, st.decimals(allow_nan=False, allow_infinity=False), texts),
    st.builds(Point, st.floats(allow_nan=False, allow_infinity=False)),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(texts | tag_like, inner, max_size=3),
        st.builds(Parcel, content=inner, stamps=st.dictionaries(tag_like, inner, max_size=2)),
    ),
    max_leaves=8,
)
"""Every type that the codec carries, nested in every way."""

TRICKY: tuple[Any, ...] = (
    1e22,
    1e16,
    1.0,
    -0.0,
    0.1 + 0.2,
    5e-324,
    2.2250738585072014e-308,
    1.7976931348623157e308,
    123456789012345678.0,
    2**53 + 1,
    -(2**64),
    10**3_000,
    "",
    "nul is \\u0000 in writing only",
    'quote " backslash \\ newline \n tab \t',
    "\U0001f600 \uffff ​ ‮ é é",
    Decimal("1.10"),
    Decimal("-0"),
    Decimal("1E+1000"),
    datetime.min.replace(tzinfo=UTC),
    datetime.max.replace(tzinfo=None),  # noqa: DTZ901
    date.min,
    time.max,
    timedelta.min,
    timedelta.max,
    timedelta(microseconds=-1),
    bytes(range(256)),
    {"$datetime": "not one"},
    {"$dict": {"$dict": {}}},
    {"$enum": ["os:system", "ls"]},
    [[], (), {}, [()], ((),)],
    Right(0),
    Right.READ | Right.RUN,
)
"""Values that a careless codec, or jsonb, would give back as something else."""


def exactly(value: Any) -> Any:
    """A form that is equal only for values of the same type, sign, scale and offset, all the way down."""
    kind = type(value)
    if dataclasses.is_dataclass(kind):
        return kind, {one.name: exactly(getattr(value, one.name)) for one in dataclasses.fields(value)}
    if kind is dict:
        return kind, {key: exactly(item) for key, item in value.items()}
    if kind in (list, tuple):
        return kind, [exactly(item) for item in value]
    if kind in (float, Decimal):
        return kind, str(value)
    if kind in (datetime, time):
        return kind, value.isoformat()
    return kind, value
