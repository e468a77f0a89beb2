"""Tasks by every name that their jobs may have."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

from pg_scheduler.domain.limits import TaskLimits


class Named(Protocol):
    """What the index has to know of a task."""

    @property
    def name(self) -> str:
        """Its full name, which no other task has."""
        ...

    @property
    def other_names(self) -> tuple[str, ...]:
        """What its jobs may be called besides, as long as that means no other function."""
        ...

    @property
    def func(self) -> Callable[..., Any]:
        """Its function."""
        ...

    @property
    def limits(self) -> TaskLimits:
        """Its limits."""
        ...


_T = TypeVar("_T", bound=Named)


class TaskIndex(Generic[_T]):
    """Finds tasks by name. Adding and removing take the same time however many there are."""

    def __init__(self) -> None:
        self._tasks: dict[str, _T] = {}
        self._by_other_name: dict[str, dict[str, None]] = {}
        self._limited: dict[str, _T] = {}
        self._shared: Mapping[str, Mapping[str, str]] = {}
        self._known: frozenset[str] | None = None

    def add(self, task: _T) -> None:
        """Know a task; nothing else has its name."""
        self._tasks[task.name] = task
        for other in task.other_names:
            self._by_other_name.setdefault(other, {})[task.name] = None
        if task.limits.limited:
            self._limited[task.name] = task
        self._known = None

    def remove(self, task: _T) -> None:
        """Know it no more."""
        del self._tasks[task.name]
        self._limited.pop(task.name, None)
        for other in task.other_names:
            names = self._by_other_name[other]
            del names[task.name]
            if not names:
                del self._by_other_name[other]
        self._known = None

    def share(self, names: Mapping[str, Mapping[str, str]]) -> None:
        """Names that several tasks have together; for each, their full names by the schedule of the job."""
        self._shared = names
        self._known = None

    def get(self, name: str) -> _T | None:
        """The task of this full name, or None."""
        return self._tasks.get(name)

    def resolve(self, name: str, schedule_key: str | None = None) -> _T | None:
        """The task that a job of this name, and of this schedule, means; None unless it is exactly one."""
        if name in self._tasks:
            return self._tasks[name]
        if name in self._shared:
            return self._tasks.get(self._shared[name].get(schedule_key or "", ""))
        others = self._by_other_name.get(name, {})
        return self._tasks[next(iter(others))] if others and self._one_function(others) else None

    def known_names(self) -> frozenset[str]:
        """Every name by which some task is found."""
        if self._known is None:
            others = {name for name, tasks in self._by_other_name.items() if self._one_function(tasks)}
            self._known = frozenset(self._tasks) | others | frozenset(self._shared)
        return self._known

    def is_shared(self, name: str) -> bool:
        """True if it is known, and only a schedule tells whose it is."""
        return name in self._shared and name not in self._tasks

    def _one_function(self, names: Mapping[str, None]) -> bool:
        if len(names) == 1:
            return True
        first, *more = (self._tasks[name].func for name in names)
        return all(func is first for func in more)

    @property
    def limited(self) -> Sequence[_T]:
        """The tasks that have limits."""
        return list(self._limited.values())

    def __iter__(self) -> Iterator[_T]:
        return iter(list(self._tasks.values()))

    def __len__(self) -> int:
        return len(self._tasks)
