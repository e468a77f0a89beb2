"""`pgq dev`: everything that an application needs, by one command."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from pg_scheduler import Scheduler
from pg_scheduler_cli.main import main as pgq
from tests.adapters.cli.apps import OURS, PGQ

APP = """
from pathlib import Path

from pg_scheduler import Scheduler, task

@task(name="note")
async def note(text: str) -> None:
    Path("noted.txt").open("a").write(f"{text} by version %d\\n")

def make() -> Scheduler:
    scheduler = Scheduler.from_env()
    scheduler.register_module(__import__(__name__))
    return scheduler
"""


def test_without_the_extra_it_is_asked_for_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith(("pg_scheduler_web", "starlette"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "starlette", None)
    said = CliRunner().invoke(pgq, ["dev", "nothing:here"])
    assert (said.exit_code, "pg-scheduler[dev]" in said.output) == (2, True), said.output


@pytest.mark.slow
async def test_it_works_on_a_database_of_its_own_and_anew_when_the_code_changes(tmp_path: Path) -> None:
    app = tmp_path / "shop.py"
    app.write_text(APP % 1)
    process = await asyncio.create_subprocess_exec(
        PGQ, "dev", "shop:make", "--port", "0",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, cwd=tmp_path,
        env={key: value for key, value in os.environ.items() if key not in OURS},
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        async with asyncio.timeout(90):
            said = (await process.stdout.readuntil(b"Ctrl-C ends it.")).decode()
            dsn, url = re.search(r"postgresql://\S+", said), re.search(r"http://\S+", said)
            assert dsn is not None, said
            assert url is not None, said
            await process.stderr.readuntil(b" works on ")
            scheduler = Scheduler(dsn[0])
            job = await scheduler.enqueue("note", "first")
            await job.wait(timeout=60)
            async with httpx.AsyncClient(follow_redirects=True) as browser:
                assert (await browser.get(url[0])).status_code == 200
            app.write_text(APP % 2)
            await process.stderr.readuntil(b"shop.py changed")
            await process.stderr.readuntil(b" works on ")
            job = await scheduler.enqueue("note", "second")
            await job.wait(timeout=60)
            await scheduler.shutdown()
            noted = (tmp_path / "noted.txt").read_text().splitlines()
            assert noted == ["first by version 1", "second by version 2"]
            process.send_signal(signal.SIGTERM)
            await process.communicate()
            assert process.returncode == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
