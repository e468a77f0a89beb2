"""The type of what a job's function returns."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # Checkers know this module without anybody having installed it. Its TypeVar has defaults, so that
    # `JobHandle` alone, as it was written before it had a parameter, still means a handle of anything.
    from typing import Any

    from typing_extensions import TypeVar

    R = TypeVar("R", default=Any)
    R_co = TypeVar("R_co", covariant=True, default=Any)
else:
    from typing import TypeVar

    R = TypeVar("R")
    R_co = TypeVar("R_co", covariant=True)

__all__ = ["R", "R_co"]
