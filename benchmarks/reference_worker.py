"""The reference loop as a process: ``python -m benchmarks.reference_worker SETTINGS``."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import asyncpg

from benchmarks import loop
from benchmarks.noop import no_op
from benchmarks.progress import Progress
from benchmarks.reference import CLAIM, DELETE, KEEP


async def work(settings: dict[str, Any]) -> None:
    """Claim, run one task per job, finish them with the next claim; until there is nothing left."""
    progress = Progress()
    connection = await asyncpg.connect(settings["dsn"])
    finish = DELETE if settings["immediate"] else KEEP
    statement = await connection.prepare(CLAIM.format(finish=finish))
    async with progress.until_told():
        await _drain(statement, settings["batch"], progress)
    await connection.close()


async def _drain(statement: Any, batch: int, progress: Progress) -> None:
    ended: list[str] = []
    while True:
        claimed = await statement.fetch(ended, batch)
        if ended:
            progress.finished(len(ended))
        if not claimed:
            return
        progress.started()
        await asyncio.gather(*(asyncio.create_task(_run(row["task_data"])) for row in claimed))
        ended = [row["job_id"] for row in claimed]


async def _run(task_data: str) -> None:
    await no_op(*json.loads(task_data)["args"])


if __name__ == "__main__":
    loop.run(work(json.loads(sys.argv[1])))
