"""Epochs as ordinals, so that what two stores say of one history can be compared."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

Renumber = Callable[[str, int], int]


class Ordinals:
    """The epochs of one store: each job's first is 0, the next 1, and so on, in the order in which they were
    seen. Whoever looks at the rows after each step sees all of them in order."""

    def __init__(self) -> None:
        self._epochs: dict[str, list[int]] = defaultdict(list)

    def shown(self, answer: Any) -> Any:
        """What the store answered, with ordinals."""
        return _renumbered(answer, self._ordinal)

    def meant(self, argument: Any) -> Any:
        """What the store is asked, with its own epochs. An ordinal that it never had stays as it is."""
        return _renumbered(argument, self._epoch)

    def _ordinal(self, job_id: str, epoch: int) -> int:
        seen = self._epochs[job_id]
        if epoch not in seen:
            assert not seen or epoch > seen[-1], f"{job_id}: epoch {epoch} after {seen[-1]}"
            seen.append(epoch)
        return seen.index(epoch)

    def _epoch(self, job_id: str, ordinal: int) -> int:
        seen = self._epochs[job_id]
        return seen[ordinal] if ordinal < len(seen) else ordinal


def _renumbered(value: Any, number: Renumber) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **_fields({f.name: getattr(value, f.name) for f in fields(value)}, number))
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        named: Any = value
        return named._replace(**_fields(named._asdict(), number))
    if isinstance(value, Mapping):
        return {_renumbered(key, number): _renumbered(item, number) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return type(value)(_renumbered(item, number) for item in value)
    return value


def _fields(named: Mapping[str, Any], number: Renumber) -> dict[str, Any]:
    changed = {name: _renumbered(value, number) for name, value in named.items()}
    if "job_id" in named and "epoch" in named:
        changed["epoch"] = number(named["job_id"], named["epoch"])
    return changed
