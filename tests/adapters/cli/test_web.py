"""`pgq web`."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys

import httpx
import pytest
from click.testing import CliRunner, Result

from pg_scheduler import Scheduler
from pg_scheduler_cli.main import main as pgq
from pg_scheduler_web.passwords import fits
from tests.adapters.cli.apps import OURS, PGQ

DSN = "postgresql://ada:hunter2@127.0.0.1:1/nothing"


def run(*arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(pgq, ["web", *arguments], input=stdin)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--host", "0.0.0.0"], "give --user and --password-hash, or --behind-proxy"),
        (["--host", "0.0.0.0", "--user", "ada"], "--user takes --password-hash"),
        (["--user", "ada", "--password-hash", "hunter3"], "is no hash of a password"),
        (["--behind-proxy", "X-User", "--user", "ada"], "give --behind-proxy, or --user"),
        (["--host", "203.0.113.1", "--behind-proxy", "X-User"], "cannot be used"),
    ],
)
def test_what_would_be_open_by_mistake_is_not_served(arguments: list[str], words: str) -> None:
    said = run("--dsn", DSN, *arguments)
    assert (said.exit_code, words in said.output) == (2, True), said.output
    assert "hunter" not in said.output.replace("hunter3", "")
    assert "Traceback" not in said.output


def test_a_password_is_hashed() -> None:
    said = run("--hash-password", stdin="correct horse\ncorrect horse\n")
    assert said.exit_code == 0
    assert fits("correct horse", said.stdout.splitlines()[-1])


def test_without_the_extra_it_is_asked_for_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith(("pg_scheduler_web", "starlette"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "starlette", None)
    said = run("--dsn", DSN)
    assert (said.exit_code, "pg-scheduler[web]" in said.output) == (2, True), said.output


async def test_it_serves_what_is_in_the_database_until_it_is_stopped(dsn: str) -> None:
    scheduler = Scheduler(dsn)
    await scheduler.initialize_db()
    job = await scheduler.schedule_job("mail.send", scheduler.clock.now(), {"args": ["ada"]})
    await scheduler.shutdown()
    environment = {key: value for key, value in os.environ.items() if key not in OURS}
    process = await asyncio.create_subprocess_exec(
        PGQ, "web", "--port", "0", "--dsn", dsn, stdout=asyncio.subprocess.PIPE, env=environment
    )
    assert process.stdout is not None
    async with asyncio.timeout(30):
        said = (await process.stdout.readuntil(b"Ctrl-C ends it.")).decode()
        url = re.search(r"http://127\.0\.0\.1:\d+/\?token=\S+", said)
        assert url is not None
        async with httpx.AsyncClient(base_url=url[0].partition("?")[0]) as client:
            assert (await client.get("/jobs")).status_code == 403
            assert (await client.get(url[0])).status_code == 200
            assert job in (await client.get("/jobs")).text
            assert "ada" in (await client.get("/job", params={"id": job})).text
            for screen in ("/", "/queues", "/tasks", "/schedules", "/workers", "/system", "/audit"):
                answer = await client.get(screen)
                assert (answer.status_code, "trouble" in answer.text) == (200, False), answer.text
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
