"""The connection over which leases alone are renewed, where nobody waits for it any more."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

from pg_scheduler import ConnectionLost
from pg_scheduler.engine.leases.dedicated_connection import DedicatedConnection
from pg_scheduler.ports.driver import Driver
from pg_scheduler.testing import MemoryDriver


async def test_a_renewal_that_fails_while_its_keeper_is_stopped_is_not_complained_of() -> None:
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    asked, gate = asyncio.Event(), asyncio.Event()

    async def renew(driver: Driver) -> None:
        asked.set()
        await gate.wait()
        raise ConnectionLost("cannot reach the server")

    connection = DedicatedConnection(MemoryDriver(), patience=60)
    using = asyncio.create_task(connection.use(renew))
    await asked.wait()
    gate.set()
    await asyncio.sleep(0)  # the renewal has failed, and its keeper has not been told
    using.cancel()
    await asyncio.wait({using})
    assert using.cancelled()
    del using
    gc.collect()
    assert complaints == []
