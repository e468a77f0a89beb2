"""What `pgq` prints is what its page lists: the keys of `--json`, and the headings of tables."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import asyncpg
import click
import pytest
from click.testing import CliRunner

from pg_scheduler import Job, PgQueuer, Scheduler
from pg_scheduler.domain.audit import Actor
from pg_scheduler.domain.workers import SignOfLife, WorkerProfile
from pg_scheduler.models import Context
from pg_scheduler.ports.leases import RenewRequest
from pg_scheduler.testing import MemoryDriver
from pg_scheduler_cli.main import main as pgq
from tests.adapters.importing.conftest import PGQUEUER
from tests.docs.tables import names, table

LISTED = table("docs/reference/cli.md", "command", "keys of `--json`", "headings")
SCHEDULES = ("nightly", "steady")
"""One by a cron expression, one by an interval."""

CALLS: dict[str, list[list[str]]] = {
    "pgq jobs list": [[]],
    "pgq jobs show": [["JOB"]],
    "pgq jobs why": [["JOB"]],
    "pgq failures list": [[]],
    "pgq failures show": [["GROUP"]],
    "pgq failures retry": [["GROUP", "--yes"]],
    "pgq failures discard": [["GROUP", "--yes"]],
    "pgq stats": [[]],
    "pgq jobs enqueue": [["mail"]],
    "pgq jobs cancel": [["JOB"]],
    "pgq jobs retry": [["JOB"]],
    "pgq jobs reschedule": [["JOB"]],
    "pgq queues list": [[]],
    "pgq queues limit": [["default", "--clear"]],
    "pgq queues pause": [["default"]],
    "pgq queues resume": [["default"]],
    "pgq queues purge": [["nothing", "--yes"]],
    "pgq tasks list": [[]],
    "pgq tasks limit": [["mail", "--clear"]],
    "pgq tasks pause": [["mail"]],
    "pgq tasks resume": [["mail"]],
    "pgq audit": [[]],
    "pgq doctor": [[]],
    "pgq check": [["tests.docs.test_cli_output.nothing_to_check"]],
    "pgq health": [[]],
    "pgq workers list": [[]],
    "pgq workers quiet": [["WORKER"]],
    "pgq workers resume": [["WORKER"]],
    "pgq workers stop": [["WORKER"]],
    "pgq schedules list": [[]],
    "pgq schedules show": [[key] for key in SCHEDULES],
    "pgq schedules next": [["nightly"]],
    "pgq schedules backfill": [["steady", "--since", "1h", "--yes"]],
    "pgq schedules add": [["report", "--every", "60"]],
    "pgq db install": [[]],
    "pgq db upgrade": [[]],
    "pgq db status": [[]],
    "pgq vacuum run": [[]],
    "pgq vacuum stats": [[]],
    "pgq jobs delete": [["JOB"]],
    "pgq import": [["pgqueuer"]],
}
"""What each command is called with, in this order; ``JOB`` is a job that has failed, ``GROUP`` the group of
failures that is listed first by then."""


def nothing_to_check() -> Scheduler:
    """An application."""
    return Scheduler(MemoryDriver())


@pytest.fixture
async def job(dsn: str, sql: asyncpg.Connection) -> str:
    """A job that told its progress and failed, in a database with something for every command to show."""
    await sql.execute(PGQUEUER)
    app = PgQueuer(dsn)

    @app.entrypoint("mail", accepts_context=True)
    async def mail(job: Job, context: Context) -> None:
        context.progress(1, 4)
        raise ValueError

    @app.entrypoint("call")
    async def call(job: Job) -> None:
        raise KeyError

    async with app:
        await app.queries.limit_queue("default", concurrency_limit=9)
        (called,) = await app.queries.enqueue("call")
        await called.wait(timeout=45)
        (made,) = await app.queries.enqueue("mail", b"x", headers={"a": 1})
        await made.wait(timeout=45)
        await app.queries.enqueue("rest")
        await app.scheduler.add_schedule("report", key="nightly", cron="0 3 * * *")
        await app.scheduler.add_schedule("report", key="steady", every=timedelta(minutes=1))
        await app.queries.client.pause_queue("post", True, by=Actor("ada", "cli"))
        says = SignOfLife(profile=WorkerProfile(capacity=1))
        await app.scheduler.driver.jobs.renew(RenewRequest("WORKER", "host", 1, timedelta(hours=1), (), says))
    return str(made)


async def said(dsn: str, path: str, *arguments: str) -> str:
    """What a command prints."""
    words = [*path.split()[1:], *arguments]
    words += [] if path == "pgq check" else ["--dsn", dsn]  # the application says where
    done = await asyncio.to_thread(CliRunner().invoke, pgq, words)
    assert done.exit_code in (0, 1), done.output
    return done.output


async def _first_group(dsn: str) -> str:
    """Of those whose failed jobs are stored."""
    group: str = json.loads(await said(dsn, "pgq failures list", "--json"))[0]["group"]
    return group


def keys_of(document: Any) -> set[str]:
    """The keys of an object, or of all objects of a list."""
    if isinstance(document, list):
        return {key for one in document for key in keys_of(one)}
    return set(document) if isinstance(document, dict) else set()


def _inner_objects(printed: dict[str, list[Any]]) -> Iterator[tuple[str, str]]:
    """Commands, and keys of theirs under which there are objects."""
    for path, documents in printed.items():
        for document in documents:
            if isinstance(document, dict):
                yield from ((path, key) for key, value in document.items() if keys_of(value))


def keys_listed(path: str, *inside: str) -> set[str]:
    """The keys that the page promises; a row may refer to another command's."""
    (cell,) = [row[1] for row in LISTED if names(row[0]) == [path, *inside]]
    found = set(names(cell))
    for other in found & CALLS.keys():
        found = (found - {other}) | keys_listed(other)
    return found


def _commands(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            yield from _commands(below, f"{path} {name}")
    else:
        yield path, command


def test_every_command_that_prints_json_is_listed_and_called_here() -> None:
    printing = {
        path
        for path, command in _commands(pgq, "pgq")
        if any("--json" in parameter.opts for parameter in command.params)
    }
    assert printing == set(CALLS) == {names(row[0])[0] for row in LISTED}


async def test_the_keys_and_headings_are_those_that_the_page_lists(dsn: str, job: str) -> None:
    printed: dict[str, list[Any]] = {}
    headings: dict[str, list[str]] = {}
    with_headings = {names(row[0])[0] for row in LISTED if row[2]}
    for path, calls in CALLS.items():
        printed[path] = []
        if path in with_headings:
            headings[path] = (await said(dsn, path)).splitlines()[0].split()
        for call in calls:
            known = {"JOB": job, "GROUP": await _first_group(dsn) if "GROUP" in call else ""}
            words = [known.get(word, word) for word in call]
            printed[path].append(json.loads(await said(dsn, path, *words, "--json")))
    for row in LISTED:
        path, *inside = names(row[0])
        documents = [document[key] for document in printed[path] for key in inside] or printed[path]
        assert keys_of(documents) == keys_listed(path, *inside), row[0]
        if row[2]:
            assert headings[path] == " ".join(names(row[2])).split(), row[0]
    inner = {tuple(names(row[0])) for row in LISTED if len(names(row[0])) > 1}
    assert inner == set(_inner_objects(printed)) - {("pgq jobs show", "headers")}, "headers are the user's"
