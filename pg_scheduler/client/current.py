"""Which scheduler is meant where none is named."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, Unpack, cast

from pg_scheduler.domain.errors import ConfigurationError
from pg_scheduler.ports.job_context import current_job

if TYPE_CHECKING:
    from pg_scheduler.client.enqueuer import Enqueuer
    from pg_scheduler.client.keywords import CallOptions


class Enqueues(Protocol):
    """What stores calls as jobs: a `Scheduler`."""

    def using(self, **options: Unpack[CallOptions]) -> Enqueuer:
        """One that stores calls with these options."""
        ...


class Runs(Enqueues, Protocol):
    """What also runs jobs, until it is shut down, or its event loop is closed."""

    @property
    def is_running(self) -> bool:
        """Whether it runs, in this process."""
        ...


_bound: list[Enqueues] = []
_running: list[Runs] = []
"""Those that were started, and not shut down."""


@contextmanager
def bound(scheduler: Enqueues) -> Iterator[None]:
    """Within this block, in every task and thread of the process, calls without a scheduler mean this one."""
    _bound.append(scheduler)
    try:
        yield
    finally:
        _bound.remove(scheduler)


def note_running(scheduler: Runs) -> None:
    """It runs from now on: where nothing is bound, and no other runs, it is meant."""
    if scheduler not in _running:
        _running.append(scheduler)


def note_stopped(scheduler: Runs) -> None:
    """It runs no more."""
    if scheduler in _running:
        _running.remove(scheduler)


def started() -> list[Runs]:
    """Those that were started, and not shut down, wherever their event loop has gone."""
    return [*_running]


def current_enqueues(what: str) -> Enqueues:
    """The scheduler that `what` means: that of the running job, else the bound one, else the running one.

    Raises:
        ConfigurationError: there is none, or more than one.
    """
    of_job = _of_running_job()
    if of_job is not None:
        return of_job
    candidates = {id(one): one for one in _bound or _in_this_process()}
    if len(candidates) == 1:
        return next(iter(candidates.values()))
    if candidates:
        found = f"{len(candidates)} schedulers are {'bound' if _bound else 'running'} in this process"
    else:
        found = "no scheduler is bound or running in this process"
    raise ConfigurationError(
        f"{what}: {found}. Name one, with using(scheduler=scheduler), or bind one: `with scheduler.bound():`"
    )


def _in_this_process() -> list[Runs]:
    return [one for one in _running if one.is_running]


def _of_running_job() -> Enqueues | None:
    try:
        return cast(Enqueues | None, current_job().owner)
    except LookupError:
        return None
