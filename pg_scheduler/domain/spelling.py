"""What somebody may have meant who typed a name that there is not."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most similar, whatever the case of its letters; None if none is near."""
    import difflib  # of all programs that import this, few ask

    by_small = {one.lower(): one for one in sorted(known)}
    near = difflib.get_close_matches(name.lower(), by_small, n=1, cutoff=0.5)
    return by_small[near[0]] if near else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``; did you mean 'mail'?``, or nothing if no known name is near."""
    near = nearest(name, known)
    return "" if near is None else f"; did you mean {near!r}?"
