"""Every row of the queue side's table, over every driver: the same refusal, and nothing has changed."""

from __future__ import annotations

import inspect

import pytest

from pg_scheduler import Scheduler
from pg_scheduler.client.source import Library
from tests.entrypoint_style.hostile_inputs import TABLE, enqueue, entrypoint, queries, run, scheduled
from tests.hostile_inputs import Call, Hostile
from tests.test_hostile_inputs import NOWHERE, Place, places, refusal

__all__ = ["places"]

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("hostile", TABLE, ids=lambda hostile: hostile.name)
async def test_it_is_refused_everywhere_alike_and_nothing_has_changed(
    hostile: Hostile,
    places: list[Place],
) -> None:
    messages = {}
    for place in places:
        before = await place.contents()
        error = await refusal(hostile, place.scheduler)
        assert type(error) is hostile.error, f"{place.name}: {error!r}"
        assert hostile.says in str(error), place.name
        assert len(str(error)) < 1_000, place.name
        assert await place.contents() == before, place.name
        messages[place.name] = str(error)
    if "connection" not in hostile.says:  # the drivers rightly name different libraries
        assert len(set(messages.values())) == 1, messages


@pytest.mark.parametrize("library", ["asyncpg", "psycopg"])
async def test_it_is_refused_before_any_database_is_asked(library: Library) -> None:
    for hostile in TABLE:
        if not hostile.needs_database:
            error = await refusal(hostile, Scheduler(NOWHERE, library=library))
            assert type(error) is hostile.error, hostile.name


async def test_the_names_of_the_table_are_its_own() -> None:
    assert len({row.name for row in TABLE}) == len(TABLE)


@pytest.mark.parametrize(
    "call",
    [
        enqueue(),
        enqueue(["a", "b"], [b"1", None], headers=[{}, None], priority=[1, 2]),
        queries("mark_job_as_cancelled", ["existing"]),
        queries("job_status", ["existing"]),
        entrypoint(),
        entrypoint(concurrency_limit=1, serialized_dispatch=True, timeout=5, retry=3),
        scheduled(),
        run(dequeue_timeout=5, batch_size=1, max_concurrent_tasks=1, shutdown_timeout=None),
        run(shutdown_timeout=0),
    ],
)
async def test_without_the_one_fault_the_same_calls_are_accepted(
    call: Call,
    places: list[Place],
) -> None:
    """The control: what a row of the table changes is what is refused."""
    for place in places:
        answer = call(place.scheduler)
        if inspect.isawaitable(answer):
            await answer
