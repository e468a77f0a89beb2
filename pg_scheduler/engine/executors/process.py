"""CPU work, in worker processes that can be killed."""

from __future__ import annotations

import asyncio
import math
import os
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from pg_scheduler.domain.errors import AttemptSignal, InvalidInput, PgSchedulerError, Snooze
from pg_scheduler.domain.inputs import checked_positive
from pg_scheduler.engine.codec.json_codec import MAX_BYTES, JsonCodec, UndecodablePayload
from pg_scheduler.engine.executors.answers import Answer
from pg_scheduler.engine.executors.daemon_threads import DaemonThreads
from pg_scheduler.engine.executors.job_in_process import facts_of
from pg_scheduler.engine.tasks.task_names import address_of
from pg_scheduler.ports.executor import Call, UnserializableResult
from pg_scheduler.ports.forks import forget_in_forks
from pg_scheduler.ports.job_context import JobContext

if TYPE_CHECKING:
    from pg_scheduler.engine.executors.worker_process import WorkerProcess

_ENVELOPE = JsonCodec(max_bytes=3 * MAX_BYTES)
"""For arguments that were encoded once already: as a JSON string in JSON they grow, to twice at the most."""


class RemoteError(PgSchedulerError):
    """A function raised in a worker process; the message is the original one with its traceback. It is an
    instance of the original class too, where this process has that class, so that `retry_on` and
    `give_up_on` mean what they say."""

    def __str__(self) -> str:
        return str(self.args[0])


class ProcessExecutor:
    """Runs top-level functions in reused worker processes, one job at a time in each.

    Arguments and results are passed as this project's JSON, never pickled; the function is passed as
    its module and name. Cancelling the attempt kills the process.

    Args:
        max_workers: how many processes run at once; the number of CPUs by default.
        jobs_per_process: after so many jobs a process ends, and another takes its place: for functions that
            do not give back their memory. None: it goes on.

    Raises:
        InvalidInput: not a positive number.
    """

    def __init__(self, max_workers: int | None = None, *, jobs_per_process: int | None = None) -> None:
        self._max_workers = max_workers or os.cpu_count() or 1
        self._jobs_per_process: float = (
            math.inf if jobs_per_process is None else checked_positive("jobs_per_process", jobs_per_process)
        )
        self._turns: asyncio.Semaphore | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._threads: DaemonThreads | None = None
        self._idle: list[WorkerProcess] = []
        self._codec = JsonCodec()
        forget_in_forks(self, ProcessExecutor.forget_parent)

    def forget_parent(self) -> None:
        """In a forked process: the processes are the parent's, and the threads of theirs are not here."""
        self._idle, self._turns, self._threads = [], None, None

    async def execute(self, call: Call, context: JobContext) -> Any:
        """Run the function in a process; killed with it if the attempt is cancelled."""
        request = self._request(call, context)
        loop = asyncio.get_running_loop()
        if self._turns is None or self._threads is None or self._loop is not loop:
            self._loop = loop
            self._turns = asyncio.Semaphore(self._max_workers)
            self._threads = DaemonThreads(self._max_workers, "pg_scheduler-process")
        turns, threads = self._turns, self._threads
        async with turns:
            child = await self._child()
            try:
                answer = await asyncio.wrap_future(threads.submit(partial(child.ask, request, context)))
            except BaseException:
                await _end(child)
                raise
            if threads is self._threads and child.jobs < self._jobs_per_process:
                self._idle.append(child)
            else:
                await _end(child)  # closed meanwhile, or worn out
        return self._result(answer)

    def _result(self, answer: bytes) -> Any:
        try:
            kind, value = self._codec.decode_result(answer.decode())
        except UndecodablePayload as error:
            return UnserializableResult(str(error))
        if kind == Answer.FAILURE:
            raise _remote_error(*value)
        if kind == Answer.SNOOZE:
            raise Snooze(value)
        return UnserializableResult(value) if kind == Answer.UNCARRIED else value

    async def _child(self) -> WorkerProcess:
        while self._idle:
            child = self._idle.pop()
            if child.usable:
                return child
            await _end(child)
        starting = asyncio.get_running_loop().run_in_executor(None, _started)
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            starting.add_done_callback(lambda done: done.result().end())
            raise

    def _request(self, call: Call, context: JobContext) -> bytes:
        address = address_of(call.func)
        if address is None:
            raise InvalidInput(
                "func", f"{call.func!r} cannot be found by another process", "Define it at the top level"
            )
        module, name = address
        arguments = self._codec.encode_arguments(call.args, call.kwargs)
        return _ENVELOPE.encode_result([module, name, arguments, facts_of(context)]).encode()

    async def close(self) -> None:
        """End idle processes and take no more work."""
        idle, self._idle = self._idle, []
        if self._threads is not None:
            self._threads.close()
        self._threads = self._turns = None
        await asyncio.gather(*(_end(child) for child in idle))


def _remote_error(class_name: str, message: str) -> RemoteError:
    module, _, qualname = class_name.partition(":")
    found: Any = sys.modules.get(module)
    for part in qualname.split("."):
        found = getattr(found, part, None)
    if isinstance(found, type) and issubclass(found, Exception) and not issubclass(found, AttemptSignal):
        try:
            both: Any = type(RemoteError.__name__, (RemoteError, found), {})
            error: RemoteError = both.__new__(both, message)
            error.args = (message,)
        except Exception:
            return RemoteError(message)  # a class that cannot be combined, or wants more to be made
        return error
    return RemoteError(message)


def _started() -> WorkerProcess:
    # Most programs run nothing in processes: they need not load what starts some.
    from pg_scheduler.engine.executors.worker_process import WorkerProcess

    return WorkerProcess()


async def _end(child: WorkerProcess) -> None:
    """Kill a process without blocking the loop; done even if the wait is cancelled."""
    await asyncio.shield(asyncio.get_running_loop().run_in_executor(None, child.end))
