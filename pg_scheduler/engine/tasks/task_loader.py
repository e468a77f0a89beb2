"""Finding the functions of pending jobs after a restart."""

from __future__ import annotations

import importlib
import inspect
import logging
import sys
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from pg_scheduler.domain.errors import InvalidInput
from pg_scheduler.engine.codec.class_names import main_module_name
from pg_scheduler.engine.tasks.callables import is_async
from pg_scheduler.engine.tasks.handlers import is_handler
from pg_scheduler.engine.tasks.registry import OPTIONS_ATTRIBUTE, TaskRegistry
from pg_scheduler.engine.tasks.task_names import address_of

log: logging.Logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of the names of pending jobs."""

    resolved: tuple[str, ...]
    """Names that this process can run."""
    unresolved: tuple[str, ...]
    """Names that it cannot; their jobs stay pending."""


def tasks_of(module: ModuleType) -> list[Callable[..., Any]]:
    """The functions of a module that are offered for jobs: those decorated with `@task`, and the module's own
    async functions. One with a leading underscore, or one that handles an entrypoint or a schedule, is not
    offered, unless it is decorated."""
    return [
        found
        for name, found in vars(module).items()
        if inspect.isfunction(found)
        and (
            hasattr(found, OPTIONS_ATTRIBUTE)
            or (
                is_async(found)
                and found.__module__ == module.__name__
                and not name.startswith("_")
                and not is_handler(found)
            )
        )
    ]


class TaskLoader:
    """Resolves ``module:function`` names against the modules the worker was told to trust, and the
    program's own main module. Nothing else is ever imported or called because of a row in the database."""

    def __init__(self, registry: TaskRegistry, trusted_modules: Sequence[str]) -> None:
        self._registry = registry
        self._trusted = tuple(trusted_modules)

    def load(self, names: Collection[str]) -> Loaded:
        """Register what can be found of `names`."""
        for name in names:
            if self._registry.resolve(name) is None:
                self.find(name)
        known = self._registry.known_names()
        loaded = Loaded(
            tuple(name for name in names if name in known),
            tuple(name for name in names if name not in known),
        )
        if loaded.unresolved:
            log.info(
                "jobs or schedules wait for tasks that are not known yet: %s",
                ", ".join(map(repr, loaded.unresolved)),
                extra={"tasks": loaded.unresolved},
            )
        return loaded

    def register_trusted(self) -> None:
        """Register the tasks of the trusted modules, so that their jobs start without being looked for. What
        cannot be imported or registered is logged; its jobs stay pending."""
        for name in self._trusted:
            module = self._module(name)
            for func in tasks_of(module) if module else ():
                try:
                    self._registry.register(func)
                except InvalidInput:
                    task = f"{name}:{func.__qualname__}"
                    log.exception("task %r cannot be registered", task, extra={"task": task})

    def find(self, name: str) -> None:
        """Register the function that jobs of this name would need, if it can be found."""
        module_name, colon, qualname = name.partition(":")
        if colon:
            self._register(self._module(module_name), qualname)
        for trusted in (main_module_name(), *self._trusted):
            module = self._module(trusted)
            if not colon:
                self._register(module, name)
            self._register_named(module, name)

    def _module(self, name: str) -> ModuleType | None:
        if name == main_module_name():
            return sys.modules.get("__main__")
        if name not in self._trusted and not name.startswith(tuple(f"{one}." for one in self._trusted)):
            return None
        try:
            return importlib.import_module(name)
        except Exception:
            # Its jobs stay pending; a name in a row must not keep the worker from starting.
            log.exception("trusted module %r cannot be imported", name, extra={"wanted": name})
            return None

    def _register_named(self, module: ModuleType | None, name: str) -> None:
        """Tasks whose decorator gives them this name, whatever their functions are called."""
        for found in list(vars(module).values()) if module else ():
            if getattr(getattr(found, OPTIONS_ATTRIBUTE, None), "name", None) == name:
                self._registry.register(found)

    def _register(self, module: ModuleType | None, qualname: str) -> None:
        found: Any = module
        for part in qualname.split("."):
            found = getattr(found, part, None)
        if module is None or not callable(found) or isinstance(found, type):
            return
        address = address_of(found)
        if address is None or address[0] != module.__name__:
            return
        # A job of the name is meant for another scheduler beside this one, which gives the handler the job.
        if hasattr(found, OPTIONS_ATTRIBUTE) or (is_async(found) and not is_handler(found)):
            self._registry.register(found)
