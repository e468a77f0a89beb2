"""Which schedulers of this process stand over the same driver: what one of them stores, another may run."""

from __future__ import annotations

from weakref import WeakKeyDictionary, ref

_over: WeakKeyDictionary[object, list[ref[object]]] = WeakKeyDictionary()


def note_made_over(driver: object, scheduler: object) -> None:
    """A scheduler has been made. Drivers that cannot be referred to weakly are not remembered."""
    try:
        made = _over.setdefault(driver, [])
    except TypeError:
        return
    made[:] = [one for one in made if one() is not None]
    made.append(ref(scheduler))


def made_over(driver: object) -> list[object]:
    """The schedulers over this driver that are still in use, in the order in which they were made."""
    try:
        found = [one() for one in _over.get(driver, ())]
    except TypeError:
        return []
    return [one for one in found if one is not None]
