"""Playing a page from top to bottom, as a reader who types it all in would."""

from __future__ import annotations

import ast
import asyncio
import importlib.metadata
import inspect
import os
import re
import signal
import sys
import types
from pathlib import Path
from typing import Any

import asyncpg

from pg_scheduler import Scheduler
from pg_scheduler.client.source import Library
from tests.docs.pages import Block
from tests.support.running import eventually, within

_ROLE = re.compile(r"CREATE ROLE (\w+)")
_WAITING = """
    SELECT (SELECT count(*) FROM scheduled_job_workers) = 0
        OR EXISTS (
            SELECT FROM scheduled_jobs WHERE status IN ('pending', 'running') AND execution_time <= now()
        )
"""
_ALONE = """
    SELECT count(*) = 0 FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


class Reader:
    """Runs the blocks of one page in one namespace. Names that a page may use without saying where they come
    from: `dsn`, a database of its own; and `scheduler`, not started, over that database.

    A block that begins with the comment ``# name.py`` is saved under that name, and run as a program if it is
    one, or by pytest if its name begins with ``test_``; SQL is executed; other Python is executed here, with
    `await` at the top level.
    """

    def __init__(self, folder: Path, dsn: str, library: Library) -> None:
        self._folder = folder
        self._dsn = dsn
        self._library = library
        self.module = types.ModuleType("page")
        self._names = self.module.__dict__
        self._roles: list[str] = []
        self._given = Scheduler.connect(dsn, library=library)

    async def open(self) -> None:
        """Make the names that pages may use."""
        self._names.update(dsn=self._dsn, scheduler=self._given)
        await self._given.initialize_db()

    async def close(self) -> None:
        """Stop what the page has left running, and drop its roles, which belong to the whole server."""
        for value in [self._given, *self._names.values()]:
            if isinstance(value, Scheduler):
                await value.shutdown()
        connection = await asyncpg.connect(self._dsn)
        for role in self._roles:
            await connection.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")
        # What a page opens it closes: who copies it would leave it open, too.
        await eventually(lambda: connection.fetchval(_ALONE))
        await connection.close()

    async def play(self, block: Block) -> None:
        """Do what the block says."""
        if block.needs not in (None, self._library):
            return
        if block.language == "sql":
            await self._run_sql(block.text)
        elif block.file_name is not None:
            await self._keep(block, block.file_name)
        else:
            await self._execute(block)

    async def _execute(self, block: Block) -> None:
        # Blank lines before it make a traceback name the line of the page.
        source = "\n" * (block.line - 1) + block.text
        code = compile(source, str(block.page), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        answer: Any = eval(code, self._names)
        if inspect.iscoroutine(answer):
            await within(answer, 60)

    async def _run_sql(self, text: str) -> None:
        connection = await asyncpg.connect(self._dsn)
        try:
            self._roles += _ROLE.findall(text)
            await connection.execute(text)
        finally:
            await connection.close()

    async def _keep(self, block: Block, name: str) -> None:
        file = self._folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(block.text, encoding="utf-8")
        if block.is_program:
            await self._run([file.name], block.runs_until_stopped)
        elif name.startswith("test_"):
            # As it is found by itself where the distribution is installed as it is now.
            found = importlib.metadata.entry_points(group="pytest11", name="pg_scheduler")
            plugin = [] if found else ["-p", "pg_scheduler_pytest.plugin"]
            await self._run(["-m", "pytest", "-q", "-x", "-o", "asyncio_mode=auto", *plugin, name])

    async def _run(self, arguments: list[str], until_stopped: bool = False) -> None:
        program = await asyncio.create_subprocess_exec(
            sys.executable, *arguments,
            cwd=self._folder,
            env={**os.environ, "DATABASE_URL": self._dsn},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        try:
            if until_stopped:
                await eventually(self._all_done)
                program.send_signal(signal.SIGTERM)
            said, _ = await within(program.communicate(), 60)
            assert program.returncode == 0, said.decode()
        finally:
            if program.returncode is None:
                program.kill()
                await program.wait()

    async def _all_done(self) -> bool:
        """True once a worker lives and nothing that is due is unfinished."""
        connection = await asyncpg.connect(self._dsn)
        try:
            return not await connection.fetchval(_WAITING)
        finally:
            await connection.close()
