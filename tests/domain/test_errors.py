"""The error tree is the one that its module draws, and a message is always short."""

from __future__ import annotations

import builtins
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

import pg_scheduler
import pg_scheduler.errors
from pg_scheduler.domain import errors
from pg_scheduler.domain.errors import SHOWN_AT_MOST, InvalidInput, PgSchedulerError, shown

_LINE = re.compile(r"^[| `-]*(?P<name>[A-Z]\w+)(?: \((?P<also>\w+)\))?(?: |$)")

CLASSES = {
    name: cls
    for name, cls in vars(errors).items()
    if isinstance(cls, type) and issubclass(cls, PgSchedulerError)
}


def drawn() -> dict[str, tuple[str | None, str | None]]:
    """Name to parent and further built-in base, as the docstring draws them."""
    assert errors.__doc__ is not None
    tree: dict[str, tuple[str | None, str | None]] = {}
    path: list[str] = []
    for line in errors.__doc__.splitlines():
        match = _LINE.match(line)
        if match is None or match["name"] not in CLASSES:
            continue
        depth = match.start("name") // 4 - 1
        path[depth:] = [match["name"]]
        tree[match["name"]] = (path[depth - 1] if depth else None, match["also"])
    return tree


def test_the_drawn_tree_holds_every_class() -> None:
    assert set(drawn()) == set(CLASSES)


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_a_class_has_the_bases_that_are_drawn(name: str) -> None:
    parent, also = drawn()[name]
    bases = CLASSES[name].__bases__
    assert bases[0] is (CLASSES[parent] if parent else Exception)
    assert bases[1:] == ((getattr(builtins, also),) if also else ())


def test_every_class_can_be_imported_from_the_public_module() -> None:
    assert set(pg_scheduler.errors.__all__) == set(CLASSES)
    assert all(getattr(pg_scheduler.errors, name) is cls for name, cls in CLASSES.items())
    assert set(CLASSES) - {"AttemptSignal"} <= set(pg_scheduler.__all__)


def test_a_refusal_says_field_problem_and_fix() -> None:
    error = InvalidInput("timeout", "must be more than 0", "Leave it out for no limit")
    assert str(error) == "timeout: must be more than 0. Leave it out for no limit"
    assert (error.field, error.problem, error.fix) == (
        "timeout",
        "must be more than 0",
        "Leave it out for no limit",
    )


class _Broken:
    def __repr__(self) -> str:
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    "value",
    ["x" * 10**7, 10**10_000, _Broken(), [_Broken()], list(range(10**5))],
    ids=["a long text", "a huge int", "a broken repr", "a broken repr inside", "a long list"],
)
def test_a_value_is_shown_short_whatever_it_is(value: object) -> None:
    assert 0 < len(shown(value)) <= SHOWN_AT_MOST + 3


@given(st.text(max_size=40) | st.integers() | st.none() | st.lists(st.booleans(), max_size=5))
def test_a_value_is_shown_as_python_writes_it_or_begins_to(value: object) -> None:
    written = repr(value)
    assert shown(value) == (written if len(written) <= SHOWN_AT_MOST else f"{written[:SHOWN_AT_MOST]}...")
