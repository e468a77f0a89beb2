"""The other end of the process executor: what runs in a worker process."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import os
import signal
import threading
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from typing import Any, Final

from pg_scheduler.domain.verdict import describe_error
from pg_scheduler.engine.json_codec import JsonCodec


class Failure:
    """How an exception is told apart from a result."""

    MARK: Final = "$pg_scheduler_failure"


def serve(pipe: Connection[Any, Any]) -> None:
    """Answer requests until the pipe closes. The parent alone decides when a Ctrl-C ends this."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            request = pipe.recv_bytes()
        except (EOFError, OSError):
            return
        pipe.send_bytes(_answer(request))


def _end_with_parent() -> None:
    """A killed parent leaves nobody to report to: end, even in the middle of a computation."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _answer(request: bytes) -> bytes:
    codec = JsonCodec()
    try:
        module, qualname, arguments = codec.decode_result(request.decode())
        func: Any = importlib.import_module(module)
        for part in qualname.split("."):
            func = getattr(func, part)
        args, kwargs = codec.decode_arguments(arguments)
        result = func(*args, **kwargs)
        if inspect.iscoroutine(result):
            result = asyncio.run(result)
        return codec.encode_result(result).encode()
    except BaseException as error:
        message, trace = describe_error(error)
        return codec.encode_result({Failure.MARK: f"{message}\n{trace}"}).encode()
