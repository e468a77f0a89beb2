"""The life of a job as server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

from starlette.responses import StreamingResponse

from pg_scheduler import JobHandle, JobInfo, JobNotFound
from pg_scheduler_starlette.ending import ending_here

RECONNECT = 1_000
"""Milliseconds after which a browser connects anew, to another process perhaps."""


def event_stream(handle: JobHandle[Any], every: timedelta | float = 0.5) -> StreamingResponse:
    """A response that tells a browser of a job until it has ended: ``new EventSource("/orders/7/events")``.

    Each change is an event "progress", the last one an event "end" (close the EventSource then), each with
    the JSON of `JobInfo.to_dict()`: ``{"status": "running", "progress": {"done": 3, "total": 10}, ...}``. Of
    a job that is gone, "gone" is the only event. When the process is told to end, the stream ends too, so
    that no server waits for it.
    """
    return StreamingResponse(
        _events(handle, every),
        media_type="text/event-stream",
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )


async def _events(handle: JobHandle[Any], every: timedelta | float) -> AsyncIterator[str]:
    yield f"retry: {RECONNECT}\n\n"
    infos = handle.watch(every)
    ending = asyncio.ensure_future(ending_here().wait())
    following: asyncio.Future[JobInfo] | None = None
    try:
        while True:
            following = asyncio.ensure_future(anext(infos))
            await asyncio.wait({following, ending}, return_when=asyncio.FIRST_COMPLETED)
            if not following.done():
                return
            info = following.result()
            name = "end" if info.status.finished else "progress"
            yield f"event: {name}\ndata: {json.dumps(info.to_dict())}\n\n"
    except StopAsyncIteration:
        return
    except JobNotFound:
        yield "event: gone\ndata: {}\n\n"
    finally:
        ending.cancel()
        if following is not None:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
        await infos.aclose()
