"""Wake-ups by LISTEN and NOTIFY. The statements that cause them notify by themselves, so that a
signal is part of the transaction it tells about."""

from __future__ import annotations

from collections.abc import Callable, Collection

from pg_scheduler.domain.states import FINISHED, JobStatus
from pg_scheduler.ports.signals import Looked, Signal, ignored
from pg_scheduler_postgres.echo import listen_proven
from pg_scheduler_postgres.link import Link
from pg_scheduler_postgres.payloads import looked_of, payload_of, repeats, signal_of
from pg_scheduler_postgres.rows import SOON

_FINISHED = {str(status) for status in FINISHED}


class PostgresSignals:
    """`Signals` over a link."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def listen(
        self,
        on_signal: Callable[[Signal], None],
        on_ready: Callable[[], None],
        on_looked: Callable[[Looked], None] = ignored,
    ) -> None:
        before = ""

        def on_payload(payload: str) -> None:
            nonlocal before
            if repeats(before, payload):
                before = ""
                return
            before = payload
            if (looked := looked_of(payload)) is not None:
                on_looked(looked)
            elif (signal := signal_of(payload)) is not None:
                on_signal(signal)

        await listen_proven(self._link, self._link.statements.channel, on_payload, on_ready)

    async def tell_looked(self, looked: Looked) -> None:
        await self._link.run("notify_looked", payload=payload_of(looked))

    async def listen_finished(
        self, on_finished: Callable[[str, JobStatus], None], on_ready: Callable[[], None]
    ) -> None:
        def on_payload(payload: str) -> None:
            status, _, job_id = payload.partition(" ")
            if status in _FINISHED:
                on_finished(job_id, JobStatus(status))

        await listen_proven(self._link, self._link.statements.finished_channel, on_payload, on_ready)

    async def await_jobs(self, job_ids: Collection[str]) -> set[str]:
        if self._link.session.in_transaction():
            return set()  # the mark would hold the rows until somebody commits
        rows = await self._link.run("await_jobs", job_ids=list(job_ids), soon_seconds=SOON.total_seconds())
        return {row["job_id"] for row in rows}
