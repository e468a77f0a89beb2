"""The tasks of a project, as a worker knows them: those of `django.tasks`, and ours."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from inspect import iscoroutinefunction
from types import ModuleType
from typing import Any

from asgiref.sync import sync_to_async
from django.apps import apps

from pg_scheduler import Scheduler, current_job
from pg_scheduler_django.conf import conf


def register_project(scheduler: Scheduler) -> None:
    """Register what is decorated with `@task`, ours or Django's, wherever this process has it."""
    for app in apps.get_app_configs():
        for name in conf().modules:
            module = sys.modules.get(f"{app.name}.{name}")
            if module is not None:
                scheduler.register_module(module)
    for task in _tasks_of_django():
        function = runner_of(task)
        executor = None if iscoroutinefunction(task.func) else "thread"
        scheduler.register(function, name=task.module_path, executor=executor)


def _tasks_of_django() -> Iterator[Any]:
    """Every task of this process that goes to our backend; each once, wherever it was imported to."""
    if not ({"django.tasks.base", "django_tasks.base"} & set(sys.modules)):
        return
    from pg_scheduler_django.backend import TaskBackend
    from pg_scheduler_django.interface import Task

    found: dict[str, Any] = {}
    for module in list(sys.modules.values()):
        if isinstance(module, ModuleType):
            for value in list(vars(module).values()):
                # By its type: to ask a lazy object for its class makes it, the admin's site for example.
                if issubclass(type(value), Task) and isinstance(value.get_backend(), TaskBackend):
                    found.setdefault(value.module_path, value)
    yield from found.values()


def runner_of(task: Any) -> Callable[..., Any]:
    """A function that runs a task as Django's own backends do: with its context, and with the signals."""
    if iscoroutinefunction(task.func):

        @functools.wraps(task.func)
        async def run_async(*args: Any, **kwargs: Any) -> Any:
            attempt = await sync_to_async(Attempt)(task)
            try:
                returned = await task.func(*attempt.context, *args, **kwargs)
                return await sync_to_async(attempt.succeeded)(returned)
            except BaseException as error:
                await sync_to_async(attempt.failed)(error)
                raise

        function: Callable[..., Any] = run_async
    else:

        @functools.wraps(task.func)
        def run(*args: Any, **kwargs: Any) -> Any:
            attempt = Attempt(task)
            try:
                return attempt.succeeded(task.func(*attempt.context, *args, **kwargs))
            except BaseException as error:
                attempt.failed(error)
                raise

        function = run
    # The context is not among the arguments that a job brings.
    del function.__wrapped__  # type: ignore[attr-defined]
    return function


class Attempt:
    """One attempt at a task of Django's, from its start to its end."""

    def __init__(self, task: Any) -> None:
        from pg_scheduler_django import interface

        self._interface = interface
        self._task = task
        self._job = current_job()
        self._result = task.get_backend().get_result(self._job.job_id)
        interface.task_started.send(type(task.get_backend()), task_result=self._result)

    @property
    def context(self) -> list[Any]:
        """What goes before the arguments."""
        if not self._task.takes_context:
            return []
        return [self._interface.TaskContext(task_result=self._result)]

    def succeeded(self, returned: Any) -> Any:
        """It returned; what is stored of that."""
        plain = self._interface.normalize_json(returned)
        object.__setattr__(self._result, "_return_value", plain)
        self._ended(self._interface.TaskResultStatus.SUCCESSFUL)
        return plain

    def failed(self, error: BaseException) -> None:
        """It raised. Nothing is told if it will be tried again."""
        kind = type(error)
        if not isinstance(error, Exception | SystemExit) or self._job.retry_count < self._job.max_retries:
            return
        shown = self._interface.TaskError(
            exception_class_path=f"{kind.__module__}.{kind.__qualname__}", traceback=_text_of(error)
        )
        self._result.errors.append(shown)
        self._ended(self._interface.TaskResultStatus.FAILED)

    def _ended(self, status: Any) -> None:
        from django.utils import timezone

        object.__setattr__(self._result, "status", status)
        object.__setattr__(self._result, "finished_at", timezone.now())
        self._interface.task_finished.send(type(self._task.get_backend()), task_result=self._result)


def _text_of(error: BaseException) -> str:
    import traceback

    return "".join(traceback.format_exception(error))
