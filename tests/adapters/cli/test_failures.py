"""`pgq` when something is wrong: one line on stderr that says what to do, exit code 2, no password."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from pg_scheduler import __version__
from pg_scheduler.client.source import Library
from pg_scheduler.domain.passwords import masked
from pg_scheduler_embedded import EmbeddedServer
from tests.adapters.cli.conftest import Pgq, Said, run

pytestmark = pytest.mark.slow

SECRET = "hush-hush"
NOWHERE = f"postgresql://me:{SECRET}@127.0.0.1:1/nowhere"


def is_one_plain_line(failed: Said) -> bool:
    """What every failure must look like."""
    line, end, rest = failed.err.partition("\n")
    return failed.code == 2 and failed.out == "" and line.startswith("pgq: ") and (end, rest) == ("\n", "")


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (["db", "status"], "--dsn postgresql://user@host:5432/database"),
        (["db", "statsu"], "Did you mean `pgq db status`?"),
        (["install"], "Did you mean `pgq db install`?"),
        (["zzz"], "See `pgq --help`"),
        (["db", "status", "--jsn"], "--json"),
        (["db", "status", "--library", "pg8000"], "'asyncpg', 'psycopg'"),
        (["db", "status", "--dsn", "mysql://me@host/x"], "Write postgresql://"),
        (["db", "sql", "--schema", ""], "expected a name"),
        (["db", "sql", "--schema", "a\nb"], "not an identifier"),
    ],
)
async def test_a_wrong_command_line_says_what_would_be_right(
    lone_pgq: Pgq, arguments: list[str], advice: str
) -> None:
    failed = await lone_pgq(*arguments)
    assert is_one_plain_line(failed), failed
    assert advice in failed.err


@pytest.mark.parametrize(
    "dsn",
    [
        NOWHERE,
        f"postgresql://me:{SECRET}@127.0.0.1:notaport/x",
        f"postgresql://me:pass@{SECRET}:word@127.0.0.1:1/x",
        f"postgresql://me:a%40{SECRET}@127.0.0.1:1/x?sslmode=bogus",
        f"postgresql://me@127.0.0.1:1/x?password={SECRET}",
        f"host=127.0.0.1 port=1 user=me password={SECRET}",
    ],
)
async def test_a_useless_connection_string_fails_at_once_without_the_password(
    lone_pgq: Pgq, library: Library, dsn: str
) -> None:
    failed = await lone_pgq("db", "status", "--dsn", dsn, "--library", library)
    assert is_one_plain_line(failed), failed
    assert SECRET not in failed.err
    assert "pass" not in failed.err.replace("password", ""), "nor a part of it"
    assert "connection string" in failed.err


async def test_a_server_that_refuses_is_quoted_with_advice(
    lone_pgq: Pgq, library: Library, server: EmbeddedServer
) -> None:
    missing = await lone_pgq("db", "status", "--dsn", server.dsn_of("no_such"), "--library", library)
    assert is_one_plain_line(missing), missing
    assert '"no_such" does not exist' in missing.err
    stranger = server.dsn.replace("postgres@", f"ghost:{SECRET}@")
    unknown = await lone_pgq("db", "status", "--dsn", stranger, "--library", library)
    assert is_one_plain_line(unknown), unknown
    assert '"ghost" does not exist' in unknown.err
    assert SECRET not in unknown.err


async def test_the_option_wins_over_the_variables_and_ours_over_the_common_one(
    lone_pgq: Pgq, dsn: str
) -> None:
    both = {"DATABASE_URL": NOWHERE, "PG_SCHEDULER_DSN": dsn}
    assert (await lone_pgq("db", "install", **both)).code == 0
    assert (await lone_pgq("db", "status", DATABASE_URL=dsn)).code == 0
    assert (await lone_pgq("db", "status", "--dsn", NOWHERE, **both)).code == 2


async def test_the_traceback_is_there_for_those_who_ask(lone_pgq: Pgq) -> None:
    assert "Traceback" in (await lone_pgq("db", "status", "--dsn", NOWHERE, PGQ_DEBUG="1")).err


async def test_a_library_that_is_not_installed_is_named(lone_pgq: Pgq, tmp_path: Path) -> None:
    (tmp_path / "asyncpg.py").write_text("raise ModuleNotFoundError('gone', name='asyncpg')")
    failed = await lone_pgq(
        "db", "status", "--dsn", NOWHERE, "--library", "asyncpg", PYTHONPATH=_before(tmp_path)
    )
    assert is_one_plain_line(failed), failed
    assert "pip install asyncpg" in failed.err


@pytest.mark.parametrize("arguments", [["--help"], ["db"], ["db", "sql"], ["--version"]])
async def test_no_library_is_loaded_before_it_is_needed(
    lone_pgq: Pgq, tmp_path: Path, arguments: list[str]
) -> None:
    for library in ("asyncpg", "psycopg", "psycopg_pool"):
        (tmp_path / f"{library}.py").write_text("raise AssertionError('loaded')")
    said = await lone_pgq(*arguments, PYTHONPATH=_before(tmp_path))
    assert (said.code, said.err) == (0, "")


async def test_one_library_does_without_the_other(
    lone_pgq: Pgq, tmp_path: Path, dsn: str, library: Library
) -> None:
    other = "psycopg" if library == "asyncpg" else "asyncpg"
    (tmp_path / f"{other}.py").write_text("raise AssertionError('loaded')")
    said = await lone_pgq("db", "install", "--dsn", dsn, "--library", library, PYTHONPATH=_before(tmp_path))
    assert (said.code, said.err) == (0, "")


def _before(folder: Path) -> str:
    return os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])


async def test_the_version_is_that_of_the_package(lone_pgq: Pgq) -> None:
    assert (await lone_pgq("--version")).out == f"pgq, version {__version__}\n"
    as_module = await run(sys.executable, "-m", "pg_scheduler_cli", "--version")
    assert as_module.out == f"pgq, version {__version__}\n"


@pytest.mark.parametrize("code", ["def main(): return Scheduler.from_env()", "main = Scheduler.from_env()"])
async def test_a_configuration_that_is_missing_is_told_in_a_line(
    lone_pgq: Pgq, tmp_path: Path, code: str
) -> None:
    (tmp_path / "unset.py").write_text(f"from pg_scheduler import Scheduler\n{code}\n")
    failed = await lone_pgq("run", "unset:main", PYTHONPATH=_before(tmp_path))
    assert failed.code == 2
    assert is_one_plain_line(failed), failed
    assert "DATABASE_URL is not set" in failed.err


def test_masking_leaves_the_rest_as_it_is() -> None:
    """The control: only the password goes."""
    assert masked("no user me at postgresql://me@host:5432/x") == "no user me at postgresql://me@host:5432/x"
    assert masked("postgresql://me:pa:ss@w@host/x") == "postgresql://me:***@host/x"
    assert masked("role ghost, secret", "postgresql://ghost:secret@h/x") == "role ghost, ***"
    assert masked("host=a password='b c' dbname=d") == "host=a password=*** dbname=d"
