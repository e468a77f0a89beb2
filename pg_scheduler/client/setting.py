"""Attributes of a scheduler that its worker is built with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, Protocol, TypeVar, overload

_T = TypeVar("_T")


class Configured(Protocol):
    """What has settings: it hands them on to the worker of the next run."""

    def configure_worker(self, setting: str, **fields: Any) -> None:
        """Change fields of the worker's settings on behalf of the attribute `setting`.

        Raises:
            AlreadyStarted: a worker runs.
        """
        ...


class Setting(Generic[_T]):
    """An attribute that is checked when it is assigned. What the worker is built with counts until the start,
    and is read-only while a worker runs.

    Args:
        check: gives the value to keep, or raises `InvalidInput`; called with the attribute's name.
        fields: the fields of `WorkerSettings` that the value means; None: it is nothing to the worker, and
            counts at any time.
    """

    def __init__(
        self,
        check: Callable[[str, Any], _T],
        fields: Callable[[_T], Mapping[str, Any]] | None = None,
    ) -> None:
        self._check = check
        self._fields = fields
        self._name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Setting[_T]: ...
    @overload
    def __get__(self, instance: Configured, owner: type) -> _T: ...
    def __get__(self, instance: Configured | None, owner: type) -> Setting[_T] | _T:
        return self if instance is None else vars(instance)[self._name]

    def __set__(self, instance: Configured, value: _T) -> None:
        checked = self._check(self._name, value)
        if self._fields is not None:
            instance.configure_worker(self._name, **self._fields(checked))
        vars(instance)[self._name] = checked
