"""A password in a connection string is in nothing that is raised, logged, printed or shown."""

from __future__ import annotations

import asyncio
import logging
import os
import traceback
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import asyncpg
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pg_scheduler import Queries, Scheduler
from pg_scheduler.client.source import Library
from pg_scheduler.domain.passwords import masked
from pg_scheduler_embedded import EmbeddedServer
from tests.adapters.cli.apps import PGQ
from tests.adapters.cli.conftest import run
from tests.support.running import eventually, within

SECRET = "Hush7Hush"
ENCODED = f"p%40ss%2F{SECRET}%25"
HOST = "127.0.0.1:1"
"""Nobody listens there."""

USELESS = [
    f"postgresql://me:{SECRET}@{HOST}/x",
    f"postgresql://me:{ENCODED}@{HOST}/x",
    f"postgresql://me:{SECRET}%zz@{HOST}/x",
    f"postgresql://me:{SECRET}@127.0.0.1:notaport/x",
    f"postgresql://me:{SECRET}@127.0.0.1:99999/x",
    f"postgresql://me:pa/{SECRET}@{HOST}/x",
    f"postgresql://me:pa#{SECRET}@{HOST}/x",
    f"postgresql://me:pa?{SECRET}@{HOST}/x",
    f"postgresql://me:pa@{SECRET}@{HOST}/x",
    f"postgresql://me:pa ss{SECRET}@{HOST}/x",
    f"postgresql://me:{SECRET}\x00@{HOST}/x",
    f"postgresql://me@{HOST}/x?password={SECRET}",
    f"postgresql://me@{HOST}/x?password={ENCODED}&sslmode=bogus",
    f"postgresql://me@{HOST}/x?password={SECRET}%zz",
    f"postgresql://me@{HOST}/x?sslpassword={SECRET}&sslmode=bogus",
    f"postgresql://me:{SECRET}@{HOST}/x?{SECRET}",
    f"postgresql://me:{SECRET}@[::1/x",
    f"postgresql:// me:{SECRET}@h/x",
    f"postgresql://me:{SECRET}@{HOST},127.0.0.1:2,127.0.0.1/x?target_session_attrs=bogus",
    f"host=127.0.0.1 port=1 user=me password={SECRET}",
    f"host=127.0.0.1 port=1 user=me password='{SECRET} x",
    f"host=127.0.0.1 port=1 user=me password = '{SECRET}' nonsense",
    f"user=me password={SECRET} port=x host=127.0.0.1",
    f"mysql://me:{SECRET}@h/x",
    f"me:{SECRET}@h/x=",
]


async def told(dsn: str, library: Library) -> str:
    """Everything that a program which fails to connect can print: the whole chain of its traceback."""
    try:
        scheduler = Scheduler(dsn, library=library)
    except ValueError as error:
        return "".join(traceback.format_exception(error))
    try:
        await within(scheduler.open())
    except Exception as error:
        return "".join(traceback.format_exception(error))
    finally:
        await scheduler.shutdown(0)
    raise AssertionError(f"{dsn!r} should be useless")


@pytest.mark.parametrize("dsn", USELESS)
async def test_a_failure_to_connect_does_not_tell_the_password(dsn: str, library: Library) -> None:
    said = await told(dsn, library)
    assert SECRET not in said, said


SYMBOLS = st.text(st.sampled_from("aZ0 !$%&'()*+,-./:;<=>?[]^_`{|}~\"\\ä€#"), max_size=6)


@settings(max_examples=60)
@example(connect_by="psycopg", before="&", after="", form="query", encode=False)
@example(connect_by="psycopg", before="", after='" 0', form="url", encode=False)
@example(connect_by="psycopg", before=' "', after='" 0', form="query", encode=False)
@given(
    connect_by=st.sampled_from(["asyncpg", "psycopg"]),
    before=SYMBOLS,
    after=SYMBOLS,
    form=st.sampled_from(["url", "query", "words"]),
    encode=st.booleans(),
)
async def test_whatever_else_is_in_the_password(
    connect_by: Library, before: str, after: str, form: str, encode: bool
) -> None:
    password = f"{before}{SECRET}{after}"
    if form == "words":
        quoted_word = password.replace("\\", "\\\\").replace("'", "\\'")
        dsn = f"host=127.0.0.1 port=1 user=me password='{quoted_word}'"
    else:
        written = quote(password, safe="") if encode else password
        dsn = f"postgresql://me:{written}@{HOST}/x"
        if form == "query":
            dsn = f"postgresql://me@{HOST}/x?password={written}"
    assert SECRET not in await told(dsn, connect_by), dsn


def ours(root: object) -> Iterator[object]:
    """Every object of this library that can be reached from one."""
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        found = waiting.pop()
        if id(found) in seen:
            continue
        seen.add(id(found))
        if type(found).__module__.startswith("pg_scheduler"):
            yield found
            names = [name for cls in type(found).__mro__ for name in getattr(cls, "__slots__", ())]
            waiting += [getattr(found, name, None) for name in {*names, *getattr(found, "__dict__", {})}]
        elif isinstance(found, dict):
            waiting += found.values()
        elif isinstance(found, list | tuple | set):
            waiting += found


async def test_no_object_shows_the_password(server: EmbeddedServer, library: Library) -> None:
    """Any of them may stand in somebody's log line, or in a traceback that shows local variables."""
    dsn = server.dsn.replace("postgres@", f"postgres:{SECRET}@")
    scheduler = Scheduler(dsn, library=library)
    await scheduler.open()
    shown = {type(one).__name__: repr(one) for one in ours(scheduler)}
    shown["Queries"] = repr(Queries(scheduler))
    await scheduler.shutdown(0)
    assert len(shown) > 20, "the control: there are many"
    assert [name for name, text in shown.items() if SECRET in text] == []


@pytest.mark.slow
async def test_a_worker_that_loses_its_database_logs_no_password(
    library: Library, dsn: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody may connect any more, so that every reconnection fails."""

    caplog.set_level(logging.DEBUG)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    scheduler = Scheduler(dsn.replace("postgres@", f"postgres:{SECRET}@"), library=library)
    database = dsn.rpartition("/")[2]
    async with scheduler:
        admin = await asyncpg.connect(dsn.rpartition("/")[0] + "/postgres")
        try:
            await admin.execute(f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS false')
            await admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", database
            )
            await eventually(lambda: "is unreachable" in caplog.text)
        finally:
            await admin.execute(f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS true')
            await admin.close()
    formatter = logging.Formatter()
    lines = [formatter.format(one) + str(vars(one)) for one in caplog.records]
    assert [line for line in lines if SECRET in line] == []


COMMANDS = [("db", "install"), ("jobs", "list"), ("queues", "list"), ("vacuum", "stats")]


@pytest.mark.slow
async def test_no_command_prints_the_password() -> None:
    """Nor does the traceback for those who ask for it."""
    ordinary = [run(PGQ, *command, PG_SCHEDULER_DSN=USELESS[7]) for command in COMMANDS]
    traced = [run(PGQ, "db", "status", PG_SCHEDULER_DSN=dsn, PGQ_DEBUG="1") for dsn in USELESS[1:9:3]]
    for said in await asyncio.gather(*ordinary, *traced):
        assert said.code != 0
        assert SECRET not in said.out + said.err, said


async def test_a_program_that_prints_its_connection_string_is_masked_by_pgq_run(tmp_path: Path) -> None:
    app = tmp_path / "leaky.py"
    app.write_text("import os\n\n\ndef create():\n    raise OSError(os.environ['PG_SCHEDULER_DSN'])\n")
    path = f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    said = await run(PGQ, "run", "leaky:create", PG_SCHEDULER_DSN=USELESS[1], PYTHONPATH=path)
    assert said.code != 0
    assert SECRET not in said.out + said.err, said
    assert "OSError" in said.err


def test_what_has_no_password_is_left_as_it_is() -> None:
    """The control."""
    for text in ("postgresql://me@host/x", "host=a user=b", "no password supplied"):
        assert masked(text, text) == text
