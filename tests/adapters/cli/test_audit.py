"""`pgq audit`: what commands changed is to be seen, and by whom."""

from __future__ import annotations

import getpass
import json
import socket

import pytest

from pg_scheduler import JobStatus
from pg_scheduler.queries import Queries
from tests.adapters.cli.conftest import Pgq


@pytest.fixture
def library() -> str:
    """One is enough: the commands know nothing of libraries, and the contract runs on both."""
    return "asyncpg"


async def test_each_command_that_changes_something_leaves_its_record(pgq: Pgq, queries: Queries) -> None:
    await queries.install()
    assert (await pgq("audit")).out == "Nobody has changed anything by hand.\n"
    (job,) = await queries.enqueue("mail", queue="post")
    await queries.client.override_status(str(job), JobStatus.FAILED)
    for command in (
        ("queues", "pause", "post"), ("queues", "resume", "post"), ("tasks", "pause", "mail"),
        ("tasks", "resume", "mail"), ("queues", "limit", "post", "--rate", "5"), ("jobs", "retry", str(job)),
        ("queues", "purge", "post", "--yes"), ("jobs", "retry", str(job)), ("jobs", "cancel", str(job)),
        ("queues", "resume", "post"), ("jobs", "cancel", str(job)),
    ):  # fmt: skip
        await pgq(*command)
    found = json.loads((await pgq("audit", "--since", "1h", "--json")).out)
    assert [(one["act"], one["subject"]) for one in reversed(found)] == [
        ("pause queue", "post"), ("resume queue", "post"), ("pause task", "mail"), ("resume task", "mail"),
        ("limit queue", "post"), ("retry jobs", str(job)), ("cancel jobs", str(job)),
        ("retry jobs", str(job)),
        ("cancel jobs", str(job)),
    ]  # fmt: skip
    assert {one["actor"] for one in found} == {f"{getpass.getuser()}@{socket.gethostname()}"}
    latest = (await pgq("audit", "--limit", "1")).out.splitlines()
    assert len(latest) == 2
    assert latest[1].split()[3:] == ["cli", "cancel", "jobs", str(job), "1"]
