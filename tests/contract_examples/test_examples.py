"""Every fenced block of the documents that fix the public API runs here, over every kind of store, with only
the import root changed; and what the text around it promises is tried out."""

from __future__ import annotations

import asyncio
import importlib
import os
import re
import shlex
import signal
import sys
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from pg_scheduler import JobStatus, Queries, Scheduler
from pg_scheduler.client.source import Library
from tests.contract_examples.checks import check_of
from tests.contract_examples.documents import FOLDER, Block, blocks, blocks_of, documents
from tests.contract_examples.stage import Stage, stage_of
from tests.support.databases import give_back, new_database
from tests.support.running import eventually, idle, within

ROOT = Path(__file__).parents[2]
SHELL = ("bash", "sh", "shell", "console")
ELSEWHERE = {"{toctree}": "a table of contents", "dockerfile": "needs a Docker daemon", "": "plain text"}
"""Languages that no test runs, and why."""

pytestmark = pytest.mark.skipif(
    not documents(),
    reason=f"the documents are not here: no {FOLDER.parent.name}/{FOLDER.name} next to the checkout",
)


@pytest.fixture(autouse=True)
def _decorations_stay_in_their_example(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.import_module("pg_scheduler.client.periodic_registry"), "_registered", {})


@pytest.fixture(params=["memory", "asyncpg", "psycopg"])
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    """A stage of each kind, whose database PGHOST and its siblings name."""
    kind: str = request.param
    server = None if kind == "memory" else request.getfixturevalue("server")
    dsn = None if server is None else await new_database(server)
    with pytest.MonkeyPatch.context() as patched:
        for name, value in environment(dsn).items():
            patched.setenv(name, value)
        async with stage_of(kind, dsn, patched) as made:
            yield made
    if server is not None and dsn is not None:
        await give_back(server, dsn)


def environment(dsn: str | None) -> dict[str, str]:
    """What makes a connection without arguments lead to a database."""
    if dsn is None:
        return {}
    parts = urlsplit(dsn)
    return {
        "PGHOST": str(parts.hostname),
        "PGPORT": str(parts.port),
        "PGUSER": str(parts.username),
        "PGDATABASE": parts.path[1:],
    }


@pytest.mark.parametrize("block", blocks("python"), ids=lambda block: block.where)
async def test_an_example_keeps_its_promise(block: Block, stage: Stage) -> None:
    await check_of(block)(stage, block)


@pytest.mark.parametrize("block", blocks("sql"), ids=lambda block: block.where)
async def test_the_documented_table_is_upgraded_in_place(
    block: Block, dsn: str, library: Library, sql: asyncpg.Connection
) -> None:
    await sql.execute(block.text)
    columns = "SELECT column_name FROM information_schema.columns WHERE table_name = 'scheduled_jobs'"
    documented = {row[0] for row in await sql.fetch(columns)}
    await sql.execute("INSERT INTO scheduled_jobs (job_name, execution_time) VALUES ('old', now())")
    async with idle(Scheduler(dsn, library=library)) as scheduler:
        (job,) = await scheduler.driver.insight.jobs()
        assert (job.task_name, job.status) == ("old", JobStatus.PENDING)
        assert documented <= {row[0] for row in await sql.fetch(columns)}


@pytest.mark.parametrize("block", blocks(*SHELL), ids=lambda block: block.where)
async def test_a_command_does_what_is_said(
    block: Block, dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if block.text.startswith("pip install"):
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        assert shlex.split(block.text)[2:] == [project["name"]]
    elif block.text.startswith("pgq run"):
        await _run_the_worker(block, dsn, tmp_path)
    else:
        shown = await _of_shell(f"set -a\n{block.text}\nenv")
        scheduler = Scheduler.from_env(dict(re.findall(r"^(\w+)=(.*)$", shown, re.MULTILINE)))
        assert (scheduler.max_concurrent_jobs, scheduler.misfire_grace_time) == (25, 300)
        assert scheduler.vacuum_enabled


def test_no_block_is_forgotten() -> None:
    known = {"python", "sql", *SHELL, *ELSEWHERE}
    found = {block.where: block.language for document in documents() for block in blocks_of(document)}
    assert set(found.values()) <= known, found
    assert len(documents()) == 5
    fences = sum(document.read_text().count("```") for document in documents())
    assert len(found) == fences / 2


async def _run_the_worker(block: Block, dsn: str, folder: Path) -> None:
    """Run the command on the factory that its document shows first, in a module of that name."""
    program, *arguments = shlex.split(block.text)
    package, _, factory = arguments[-1].rpartition(".")
    shown = next(
        one for one in blocks_of(block.document) if one.language == "python" and "def main" in one.text
    )
    prelude = "import asyncio\nfrom pg_scheduler import Schedule, Scheduler\n"
    (folder / f"{package}.py").write_text(f"{prelude}{shown.text}\n{factory} = main\n")
    client = Queries(dsn)
    await client.open()
    worker = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name(program)), *arguments, cwd=folder,
        env={**os.environ, **environment(dsn)},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        await eventually(lambda: _has_schedules(client, worker), 40)
        if "def process_message" in shown.text:
            (handle,) = await client.enqueue("fetch", b"from another process")
            assert await handle.wait(20) is JobStatus.COMPLETED
        worker.send_signal(signal.SIGTERM)
        said, _ = await within(worker.communicate())
        assert worker.returncode == 0, said.decode()
        assert not [job for job in await client.driver.insight.jobs() if job.status is JobStatus.RUNNING]
    finally:
        if worker.returncode is None:
            worker.kill()
            await worker.wait()
        await client.close()


async def _has_schedules(client: Queries, worker: asyncio.subprocess.Process) -> bool:
    assert worker.returncode is None
    return bool(await client.driver.schedules.list_schedules())


async def _of_shell(script: str) -> str:
    shell = await asyncio.create_subprocess_exec("bash", "-c", script, stdout=asyncio.subprocess.PIPE)
    said, _ = await within(shell.communicate())
    assert shell.returncode == 0
    return said.decode()
