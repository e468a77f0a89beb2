"""Whether signals really arrive: our own must come back.

A pooler in transaction mode accepts LISTEN, on a server connection that it gives to somebody else in the next
moment. Nothing fails, and no signal ever comes.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable

from pg_scheduler.ports.signals import SignalsSwallowed
from pg_scheduler_postgres.link import Link
from pg_scheduler_postgres.payloads import ECHO

ECHO_TIMEOUT = 5.0
"""Seconds after which a signal that was sent has not arrived."""

Listen = Callable[[str, Callable[[str], None], Callable[[], None]], Awaitable[None]]
"""`Session.listen`."""


async def listen_proven(
    link: Link,
    channel: str,
    on_payload: Callable[[str], None],
    on_ready: Callable[[], None],
) -> None:
    """Listen until cancelled; `on_ready` is called once a signal of our own, sent on another connection, has
    come back.

    Raises:
        SignalsSwallowed: it has not.
        ConnectionLost: the connection broke.
    """
    established, echoed = asyncio.Event(), asyncio.Event()
    ours = ECHO + secrets.token_hex(8)

    def deliver(payload: str) -> None:
        if payload == ours:
            echoed.set()
        else:
            on_payload(payload)

    async def prove() -> None:
        await established.wait()
        await link.session.fetch("SELECT pg_catalog.pg_notify($1::text, $2::text)", [channel, ours])
        try:
            async with asyncio.timeout(ECHO_TIMEOUT):
                await echoed.wait()
        except TimeoutError:
            raise SignalsSwallowed(
                f"no signal came back within {ECHO_TIMEOUT:g} s, although LISTEN was accepted"
            ) from None
        on_ready()

    listening = asyncio.ensure_future(link.session.listen(channel, deliver, established.set))
    proving = asyncio.ensure_future(prove())
    try:
        await asyncio.wait({listening, proving}, return_when=asyncio.FIRST_COMPLETED)
        if not listening.done():
            proving.result()  # raises what kept it from being proven
        await listening
    finally:
        for task in (proving, listening):
            task.cancel()
        await asyncio.gather(proving, listening, return_exceptions=True)
