"""The other end of the process executor: what runs in a worker process."""

from __future__ import annotations

import asyncio
import importlib
import os
import signal
import threading
from collections.abc import Callable
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from typing import Any

from pg_scheduler.domain.errors import Snooze, UnencodablePayload
from pg_scheduler.domain.verdict import MAX_MESSAGE, describe_error, storable
from pg_scheduler.engine.codec.json_codec import JsonCodec
from pg_scheduler.engine.executors.answers import Answer
from pg_scheduler.engine.executors.awaiting import finished, must_be_awaited, refuse_unbegun
from pg_scheduler.engine.executors.job_in_process import job_here


def serve(pipe: Connection[Any, Any]) -> None:
    """Answer requests until the pipe closes. A Ctrl-C, or a service manager that tells the whole group to
    end, reaches this process too; what that means for the running job is the parent's decision alone."""
    if hasattr(os, "setpgid"):
        os.setpgid(0, 0)  # what functions start ends with this process
    for number in (signal.SIGINT, signal.SIGTERM):
        # A handler rather than SIG_IGN, which programs started by the function would inherit.
        signal.signal(number, lambda *_: None)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_hold_signals, after_in_parent=_let_signals, after_in_child=_heed_signals)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            request = pipe.recv_bytes()
        except (EOFError, OSError):
            return
        pipe.send_bytes(_answer(request, pipe.send_bytes))


def _hold_signals() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))


def _let_signals() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT, signal.SIGTERM))


def _heed_signals() -> None:
    """What the function has forked heeds signals: `multiprocessing` ends its processes by them, and waits."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _let_signals()


def _end_with_parent() -> None:
    """A killed parent leaves nobody to report to: end, even in the middle of a computation, with all that it
    started."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        if hasattr(os, "killpg"):
            os.killpg(0, signal.SIGKILL)
        os._exit(1)


def _answer(request: bytes, send: Callable[[bytes], None]) -> bytes:
    codec = JsonCodec()
    try:
        module, qualname, arguments, facts = codec.decode_result(request.decode())
        func: Any = importlib.import_module(module)
        for part in qualname.split("."):
            func = getattr(func, part)
        args, kwargs = codec.decode_arguments(arguments)
        with job_here(facts, send):
            result = func(*args, **kwargs)
            if must_be_awaited(result):
                result = asyncio.run(finished(result))
        refuse_unbegun(result)
    except Snooze as snooze:
        return _encoded(codec, Answer.SNOOZE, snooze.delay)
    except BaseException as error:
        message, trace = describe_error(error)
        kind = type(error)
        return _encoded(
            codec, Answer.FAILURE, [f"{kind.__module__}:{kind.__qualname__}", f"{message}\n{trace}"]
        )
    try:
        return _encoded(codec, Answer.RESULT, result)
    except BaseException as error:
        # The work is done: a result that cannot travel must not make it run again, whatever its fields do.
        known = isinstance(error, UnencodablePayload)
        message_of_error = storable(str(error), MAX_MESSAGE) if known else describe_error(error)[0]
        return _encoded(codec, Answer.UNCARRIED, message_of_error)


def _encoded(codec: JsonCodec, kind: Answer, value: Any) -> bytes:
    return codec.encode_result([str(kind), value]).encode()
