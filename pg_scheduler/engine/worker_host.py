"""The one worker of an application: its settings until it starts, and its life."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pg_scheduler.domain.errors import AlreadyStarted, ConfigurationError
from pg_scheduler.domain.identity import checked_name
from pg_scheduler.domain.model import ClaimedJob
from pg_scheduler.engine.events import Event
from pg_scheduler.engine.worker_id import new_worker_id
from pg_scheduler.engine.worker_settings import WorkerSettings
from pg_scheduler.ports.event_loops import running_loop
from pg_scheduler.ports.forks import leave_to_parent

if TYPE_CHECKING:
    from pg_scheduler.engine.running.attempt import Attempt
    from pg_scheduler.engine.worker import Worker

log: logging.Logger = logging.getLogger(__name__)

BuildWorker = Callable[[WorkerSettings, str], "Worker"]
"""Makes a worker of its settings and its identity."""


class WorkerHost:
    """Holds the worker of the current run, or of the next one. Settings are collected until it starts; then
    it is built, once. A worker that has stopped is replaced at the next start.

    To whoever changes the store in this process it is the local worker (`Wakeups`): before the worker is
    built there is nothing to wake.
    """

    def __init__(self, settings: WorkerSettings, build: BuildWorker) -> None:
        self._settings = settings
        self._build = build
        self._worker: Worker | None = None
        self._worker_id: str | None = None
        self._process = os.getpid()
        self._loop: asyncio.AbstractEventLoop | None = None
        """In which the worker is used."""
        self._started = False

    # --- settings

    @property
    def settings(self) -> WorkerSettings:
        """What the current run was started with, or the next one will be."""
        return self._settings

    def configure(self, setting: str, **changes: Any) -> None:
        """Replace fields of the settings; `setting` is what the caller calls them.

        Raises:
            AlreadyStarted: a run has begun.
        """
        if self.started:
            raise AlreadyStarted(setting)
        self._settings = replace(self._settings, **changes)
        self._discard()

    def _discard(self) -> None:
        """Build another worker when one is needed; it keeps its identity unless that is used up."""
        if self._worker is not None and self._worker.stopped:
            self._worker_id = None
        self._worker = self._loop = None

    # --- the worker

    @property
    def worker_id(self) -> str:
        """The identity of the current or next run. A forked process has one of its own: by a shared one each
        would take its siblings' jobs for its own, and give back those it does not know."""
        self._forget_parent()
        if self._worker_id is None:
            self._worker_id = new_worker_id(self._settings.worker_id_length)
        return self._worker_id

    @property
    def worker(self) -> Worker:
        """The worker of the current or next run. Who steps it by hand before the start gets it here, too."""
        worker = self._built
        if worker is None:
            worker = self._worker = self._build(self._settings, self.worker_id)
        self._loop = self._loop or running_loop()
        return worker

    @property
    def _built(self) -> Worker | None:
        """The worker, if there is one in this process and an event loop that lives."""
        self._forget_parent()
        return self._worker

    def _forget_parent(self) -> None:
        """In a forked process: whatever was drawn, built or started before is the parent's. And what was
        used in an event loop that has been closed is over."""
        if self._process != os.getpid():
            leave_to_parent(self._worker)
            self._process = os.getpid()
        elif self._loop is not None and self._loop.is_closed():
            if self._started:
                log.warning(
                    "the event loop of worker %s was closed without shutdown(): what ran there is recovered "
                    "when its leases expire",
                    self._worker_id,
                    extra={"worker_id": self._worker_id},
                )
        else:
            return
        self._worker = self._worker_id = self._loop = None
        self._started = False

    @property
    def started(self) -> bool:
        """Whether a run has begun, and has not ended."""
        self._forget_parent()
        return self._started

    def refuse_elsewhere(self) -> None:
        """To be asked before the run is begun or ended.

        Raises:
            ConfigurationError: it has begun in another event loop, which may go on.
        """
        if self.started and self._loop not in (None, asyncio.get_running_loop()):
            raise ConfigurationError(
                f"worker {self._worker_id} was started in another event loop: shut it down there, or make "
                "another scheduler for this event loop"
            )

    def attempts(self) -> Sequence[Attempt]:
        """The attempts that run here now."""
        worker = self._built
        return () if worker is None else worker.services.active.attempts()

    @contextmanager
    def starting(self) -> Iterator[Worker]:
        """The worker of a new run, to be started within the block. From here on settings do not change, until
        `end`, or until the block fails."""
        self.refuse_elsewhere()  # two threads may have got here
        if self.worker.stopped:
            self._discard()
        self._started, self._loop = True, asyncio.get_running_loop()
        try:
            yield self.worker
        except BaseException:
            self.end()
            raise

    async def stop(self, timeout: float | None) -> None:
        """Stop the worker, if it runs; see `Worker.stop`."""
        if (worker := self._built) is not None:
            await worker.stop(timeout)

    def end(self) -> None:
        """The run is over: settings may change again."""
        self._started = False

    async def run_job(self, job: ClaimedJob | str) -> None:
        """Run one job here and now and settle it: a claimed one, or a pending one, which is claimed first.
        Does nothing if it is not pending any more."""
        worker = self.worker
        if isinstance(job, ClaimedJob):
            await worker.steps.finish(worker.services.starter.start(job))
            return
        # Nothing is awaited between here and where the slot is held: a slot just found is not lost.
        attempt: Attempt | None = await worker.steps.claim_and_start_job(checked_name("job_id", job))
        if attempt is not None:
            await worker.steps.finish(attempt)

    # --- what the rest of the process tells it

    def jobs_due(self) -> None:
        """Claim at once; where the worker listens, a signal says so."""
        if (worker := self._built) is not None and not worker.listening:
            self._emit(Event.JOBS_DUE_HERE)

    def cancel_requested(self) -> None:
        """Find out at once which running job should stop."""
        self._emit(Event.CANCEL_REQUESTED_HERE)

    def wish_changed(self) -> None:
        """Find out at once what this worker is asked for."""
        self._emit(Event.WISH_CHANGED_HERE)

    def job_ended(self) -> None:
        """Delete at once what the policies do not keep."""
        self._emit(Event.JOB_ENDED_HERE)

    def schedules_changed(self) -> None:
        """Look at the schedules at once."""
        self._emit(Event.SCHEDULES_CHANGED_HERE)

    def tasks_changed(self) -> None:
        """Claim the jobs of tasks that were not known before."""
        self._emit(Event.TASKS_CHANGED)

    def schedules_adopted(self) -> None:
        """Register at once the schedules that the code has come to know."""
        if (worker := self._built) is not None:
            worker.services.registrar.poke()

    def _emit(self, event: Event) -> None:
        if (worker := self._built) is not None:
            worker.services.events.emit(event)
