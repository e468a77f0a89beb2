"""Not given, where None would mean something."""

from __future__ import annotations

from enum import Enum
from typing import Final


class Unset(Enum):
    """The type of "not given", where None means something else. An enum, so that ``is UNSET`` narrows."""

    UNSET = "unset"

    def __repr__(self) -> str:
        return "<unset>"


UNSET: Final = Unset.UNSET
