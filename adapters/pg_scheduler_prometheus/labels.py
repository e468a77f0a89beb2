"""Labels whose values are bounded: each set of them is a time series for ever."""

from __future__ import annotations

OTHER = "other"
"""What stands for all names beyond the bound."""


class BoundedNames:
    """The first so many different names as they are, `OTHER` for all that come later."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: set[str] = set()

    def label(self, name: str) -> str:
        """What to write for this name."""
        if name not in self._known:
            if len(self._known) >= self._most:
                return OTHER
            self._known.add(name)
        return name
