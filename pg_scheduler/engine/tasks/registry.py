"""Which tasks this process knows, and by which names."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from functools import lru_cache
from typing import Any

from pg_scheduler.domain.errors import InvalidInput, NotAsyncFunction, TaskNameConflict, shown
from pg_scheduler.domain.identity import bare_name, checked_name
from pg_scheduler.domain.inputs import checked_duration
from pg_scheduler.domain.limits import NO_LIMITS, TaskLimits
from pg_scheduler.domain.model import ClaimedJob
from pg_scheduler.domain.retry import RetryPolicy
from pg_scheduler.engine.running.arguments import Arguments
from pg_scheduler.engine.tasks.callables import checked_callable, is_async
from pg_scheduler.engine.tasks.checks import checked_executor, checked_retry
from pg_scheduler.engine.tasks.definitions import redefined
from pg_scheduler.engine.tasks.handlers import note_handler
from pg_scheduler.engine.tasks.job_defaults import NO_DEFAULTS, JobDefaults
from pg_scheduler.engine.tasks.passing_tasks import PassingTasks, warn_of_process_only
from pg_scheduler.engine.tasks.same_function import hashable, same_code, same_function
from pg_scheduler.engine.tasks.task_index import TaskIndex
from pg_scheduler.engine.tasks.task_names import (
    is_of_its_values,
    is_of_one_process,
    is_of_this_process,
    name_of_its_own,
    own_names,
    task_name_of,
)
from pg_scheduler.engine.tasks.typed_parameters import check_types, typed_parameters
from pg_scheduler.ports.executor import Executor
from pg_scheduler.ports.forks import forget_in_forks
from pg_scheduler.ports.middleware import Middleware

OPTIONS_ATTRIBUTE = "__pg_scheduler_task__"
"""Where the `@task` decorator leaves its options on a function."""


@dataclass(frozen=True, slots=True)
class TaskOptions:
    """The policy of a task; None leaves the choice to the scheduler."""

    name: str | None = None
    executor: str | Executor | None = None
    timeout: timedelta | None = None
    retry: RetryPolicy | None = None
    limits: TaskLimits | None = None
    max_retries: int | None = None
    """At least this many retries for each job, whatever it was stored with."""
    arguments: Callable[[ClaimedJob], Arguments] | None = None
    """How a job becomes the call's arguments; None: what was scheduled."""
    aliases: tuple[str, ...] | None = None
    """Other names that its jobs may have, as long as no other function has them; None for the function's
    own name within `name`."""
    defaults: JobDefaults | None = None
    """What its jobs are stored with where the call site says nothing."""
    middleware: tuple[Middleware, ...] | None = None
    """What surrounds its attempts, within what surrounds all of the scheduler's."""


def signature_of(func: Callable[..., Any]) -> inspect.Signature | None:
    """What a function can be called with; None for callables that do not tell. Asking costs as much as the
    rest of scheduling a job, so the answer is remembered."""
    return _remembered_signature(func) if _lasting(func) else _signature(func)


def _signature(func: Callable[..., Any]) -> inspect.Signature | None:
    try:
        return inspect.signature(func)
    except (ValueError, TypeError):
        return None


_remembered_signature = lru_cache(maxsize=1024)(_signature)


def positional_counts(func: Callable[..., Any]) -> range:
    """With how many positional arguments, and no others, a function can be called for certain: binding
    them to its signature would tell no more, and takes long."""
    return _remembered_counts(func) if _lasting(func) else range(0)


def _lasting(func: Callable[..., Any]) -> bool:
    """True if remembering it keeps nothing alive: it is no method of an object, and no closure."""
    return inspect.isfunction(func) and func.__closure__ is None


@lru_cache(maxsize=1024)
def _remembered_counts(func: Callable[..., Any]) -> range:
    signature = signature_of(func)
    parameters = signature.parameters.values() if signature is not None else ()
    positional = [
        each for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)
    ]
    others_needed = any(each.kind is each.KEYWORD_ONLY and each.default is each.empty for each in parameters)
    if signature is None or others_needed:
        return range(0)
    needed = sum(each.default is each.empty for each in positional)
    return range(needed, len(positional) + 1)


@dataclass(frozen=True, slots=True)
class Task:
    """A named handler and its policy."""

    name: str
    func: Callable[..., Any]
    executor: str | Executor
    timeout: timedelta | None
    retry: RetryPolicy | None
    limits: TaskLimits = NO_LIMITS
    max_retries: int = 0
    arguments: Callable[[ClaimedJob], Arguments] | None = None
    aliases: tuple[str, ...] | None = None
    defaults: JobDefaults = NO_DEFAULTS
    middleware: tuple[Middleware, ...] = ()

    @property
    def other_names(self) -> tuple[str, ...]:
        """What its jobs may be called besides its name."""
        names = (bare_name(self.name),) if self.aliases is None else self.aliases
        return tuple(dict.fromkeys(name for name in names if name != self.name))

    @property
    def positional(self) -> range:
        """With how many positional arguments, and no others, it can be called for certain."""
        return range(0) if self.arguments is not None else positional_counts(self.func)

    def check_arguments(self, args: list[Any], kwargs: dict[str, Any]) -> None:
        """Refuse arguments that the function cannot be called with; a task that makes its own takes any.

        Raises:
            InvalidInput: naming what does not fit.
        """
        if self.arguments is not None:
            return
        typed = _lasting(self.func) and typed_parameters(self.func)
        if not kwargs and not typed and len(args) in positional_counts(self.func):
            return
        signature = signature_of(self.func)
        if signature is None:
            return
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise InvalidInput("args/kwargs", f"{self.name}{signature}: {error}") from None
        if typed:
            check_types(self.func, bound)


def merged(options: TaskOptions, fallback: Task | TaskOptions) -> TaskOptions:
    """`options`, completed by what is known of the function already."""
    given = {
        one.name: getattr(fallback if getattr(options, one.name) is None else options, one.name)
        for one in fields(TaskOptions)
    }
    return TaskOptions(**given)


def marked(func: object) -> TaskOptions:
    """What the `@task` decorator left on a function."""
    return getattr(func, OPTIONS_ATTRIBUTE, None) or TaskOptions()


def marked_defaults(func: object) -> JobDefaults:
    """What the function's jobs are stored with, by its `@task`, where the call site says nothing."""
    options: TaskOptions | None = getattr(func, OPTIONS_ATTRIBUTE, None)
    return NO_DEFAULTS if options is None or options.defaults is None else options.defaults


class TaskRegistry:
    """Names to tasks. `on_change` is called whenever the set of names may have grown."""

    def __init__(self, on_change: Callable[[], None] = lambda: None) -> None:
        self._index: TaskIndex[Task] = TaskIndex()
        self._names: dict[object, str] = {}
        """Name by function, so that `register(func, name=...)` is remembered when `func` is scheduled."""
        self._passing = PassingTasks()
        self.surrounds: bool = False
        """True if some task has brought middleware."""
        self.on_change = on_change
        forget_in_forks(self, TaskRegistry.forget_of_parent)

    def register(self, func: object, options: TaskOptions | None = None) -> Task:
        """Know a function from now on. Registering the same one again changes what `options` say and leaves
        the rest as it was.

        Raises:
            NotAsyncFunction: a plain function and no executor that could run it, or a generator function.
            TaskNameConflict: another function has this name.
            InvalidInput: not a callable, or a callable without a name.
        """
        task = self._registered(func, options or TaskOptions())
        if self.passes(task.name):
            self._passing.keep(task.name)
        return task

    def register_for_job(self, func: object, options: TaskOptions) -> Task:
        """As `register`, for one job: a function that carries values, and that nobody registered for its own
        sake, is known until the last of its jobs has ended, or somewhat longer if another process can make
        the same. Say `needed_by` once the job has an id."""
        return self._registered(func, options)

    def needed_by(self, job_id: str, name: str) -> None:
        """A job of this name is about to be stored."""
        if self.passes(name):
            self._passing.needed(name, job_id)

    def passes(self, name: str) -> bool:
        """Whether a task of this name is forgotten once its last job has ended."""
        if "@" in name and is_of_this_process(name):
            return True
        task = self._index.get(name) if "#" in name else None
        return task is not None and is_of_its_values(name, task.func)

    @property
    def waits_for_ends(self) -> bool:
        """True if the ends of some jobs matter: see `job_ended`."""
        return self._passing.needed_at_all

    def job_ended(self, name: str, job_id: str) -> None:
        """A job has ended. Forgets a task that nothing needs any more."""
        gone = self._passing.ended(name, job_id)
        if gone is not None and (task := self._index.get(gone)) is not None:
            self._forget_for_good(task)

    def _registered(self, func: object, options: TaskOptions) -> Task:
        if not callable(func):
            raise NotAsyncFunction(f"{type(func).__name__} {shown(func)}")
        before = self._task_of(func)
        if before is not None and options.name not in (None, before.name):
            before = None  # one more name for the function: what the other one was told is not meant for it
        chosen = merged(options, before or marked(func))
        checked_callable(func, chosen.executor)
        name = task_name_of(func) if chosen.name is None else checked_name("task name", chosen.name)
        existing = self._index.get(name)
        if existing is not None and not same_function(existing.func, func):
            if chosen.name is None and same_code(existing.func, func):
                # Two closures over, say, two lists with the same content: each keeps its own.
                return self._registered(func, replace(chosen, name=name_of_its_own(name)))
            if chosen.name is not None or not redefined(existing.func, func):
                raise TaskNameConflict(
                    "task name",
                    f"{name!r} already names another function ({existing.func!r})",
                    "Give one of them a name of its own: register(func, name=...); "
                    f"or, if this one replaces it: scheduler.task_map[{name!r}] = func",
                )
        task = _task(name, func, chosen)
        if existing is not None:
            self._forget(existing)
        elif chosen.name is None and is_of_this_process(name):
            warn_of_process_only(func)
        self._add(task)
        if existing is None or existing.limits != task.limits:
            self.on_change()
        return task

    def _add(self, task: Task) -> None:
        self._index.add(task)
        self.surrounds = self.surrounds or bool(task.middleware)
        if task.arguments is not None:
            note_handler(task.func)
        if hashable(task.func):
            self._names[task.func] = task.name

    def known(self, func: object) -> Task | None:
        """The task that this very function is known as; None if it is not."""
        task = self._task_of(func)
        return task if task is not None and task.func is func else None

    def _task_of(self, func: object) -> Task | None:
        name = self._names.get(func) if hashable(func) else None
        return None if name is None else self._index.get(name)

    def _forget(self, task: Task) -> None:
        self._index.remove(task)
        if hashable(task.func) and self._names.get(task.func) == task.name:
            del self._names[task.func]

    def _forget_for_good(self, task: Task) -> None:
        self._passing.drop(task.name)
        self._forget(task)

    def put(self, name: str, func: object) -> None:
        """Bind a name to a callable, whatever it was bound to; a plain function runs in a thread. Jobs that
        were stored under the function's own name run here, too."""
        before = self._index.get(name)
        if before is not None:
            self._forget(before)
        executor = marked(func).executor or ("async" if is_async(func) else "thread")
        try:
            self.register(func, TaskOptions(name=name, executor=executor, aliases=own_names(func)))
        except InvalidInput:
            if before is not None:
                self._add(before)
            raise
        self._passing.keep(name)

    def remove(self, name: str) -> None:
        """Forget the task that a name means.

        Raises:
            KeyError: there is none.
        """
        task = self.resolve(name)
        if task is None:
            raise KeyError(name)
        self.discard(task.name)

    def discard(self, name: str) -> None:
        """Forget the task of this full name, if there is one."""
        task = self._index.get(name)
        if task is not None:
            self._forget_for_good(task)
            self.on_change()

    def forget_of_parent(self) -> None:
        """In a forked process: forget the names that meant something in its parent only."""
        for task in self:
            if is_of_one_process(task.name):
                self._forget_for_good(task)

    def share(self, names: Mapping[str, Mapping[str, str]]) -> None:
        """Names that several tasks have together; for each, their full names by the schedule of the job."""
        self._index.share(names)
        self.on_change()

    def resolve(self, name: str, schedule_key: str | None = None) -> Task | None:
        """The task a stored job means: by an exact name, one that several share by schedule, or another name
        that only one has."""
        return self._index.resolve(name, schedule_key)

    def is_shared(self, name: str) -> bool:
        """True if jobs of this name are claimed, and only their schedule tells which task is meant."""
        return self._index.is_shared(name)

    def known_names(self) -> frozenset[str]:
        """Every stored name that this process can run: what a claim may take."""
        return self._index.known_names()

    def executors(self) -> list[tuple[str, Executor]]:
        """The executors that single tasks brought, with the names of their tasks."""
        return [(each.name, each.executor) for each in self if not isinstance(each.executor, str)]

    def limited(self) -> Sequence[Task]:
        """The tasks that have limits."""
        return self._index.limited

    def middleware(self) -> list[Middleware]:
        """What single tasks brought, in the order in which they became known."""
        return [one for each in self for one in each.middleware] if self.surrounds else []

    def middleware_of(self, name: str) -> tuple[Middleware, ...]:
        """What the task of this name brought."""
        task = self.resolve(name) if self.surrounds else None
        return () if task is None else task.middleware

    @property
    def passing(self) -> PassingTasks:
        """The jobs for which names of this process are kept."""
        return self._passing

    def __iter__(self) -> Iterator[Task]:
        return iter(self._index)

    def __len__(self) -> int:
        return len(self._index)


def _task(name: str, func: Callable[..., Any], chosen: TaskOptions) -> Task:
    return Task(
        name=name,
        func=func,
        executor=checked_executor(chosen.executor) or "async",
        timeout=checked_duration("timeout", chosen.timeout),
        retry=checked_retry(chosen.retry),
        limits=chosen.limits or NO_LIMITS,
        max_retries=chosen.max_retries or 0,
        arguments=chosen.arguments,
        aliases=chosen.aliases,
        defaults=chosen.defaults or NO_DEFAULTS,
        middleware=chosen.middleware or (),
    )


class TaskMap(MutableMapping[str, Callable[..., Any]]):
    """The registry as `scheduler.task_map` shows it: a live dict of names to functions."""

    def __init__(self, registry: TaskRegistry) -> None:
        self._registry = registry

    def __getitem__(self, name: str) -> Callable[..., Any]:
        task = self._registry.resolve(name)
        if task is None:
            raise KeyError(name)
        return task.func

    def __setitem__(self, name: str, func: Callable[..., Any]) -> None:
        self._registry.put(name, func)

    def __delitem__(self, name: str) -> None:
        self._registry.remove(name)

    def __iter__(self) -> Iterator[str]:
        return (task.name for task in self._registry)

    def __len__(self) -> int:
        return len(self._registry)

    def __repr__(self) -> str:
        return f"TaskMap({list(self)})"
