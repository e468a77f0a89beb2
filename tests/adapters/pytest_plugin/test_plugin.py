"""What the plugin gives to a project, and what it costs one that does not use it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pg_scheduler_embedded import EmbeddedServer
from tests.adapters.pytest_plugin.projects import Project

WITHOUT_ASYNCIO = ("-p", "no:asyncio")
WITH_ASYNCIO = ("-p", "no:anyio", "-o", "asyncio_default_fixture_loop_scope=function")
"""It warns where that is not said."""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


SHOP = """
    from datetime import UTC, datetime, timedelta

    sent = []

    async def remind(name):
        sent.append(name)

    async def order(scheduler, name):
        await scheduler.schedule(remind, execution_time=datetime.now(UTC) + timedelta(days=1), args=(name,))
"""


def test_a_project_that_does_not_use_it_imports_nothing_of_it(project: Project) -> None:
    project.write(
        "test_plain.py",
        """
        import json, pathlib, sys

        def test_nothing():
            ours = [name for name in sys.modules if name.startswith(("pg_scheduler", "asyncpg", "psycopg"))]
            pathlib.Path("modules.json").write_text(json.dumps(sorted(ours)))
        """,
    )
    code, said = project.pytest("-W", "error", *WITHOUT_ASYNCIO)
    assert (code, "warning" in said) == (0, False), said
    modules = json.loads((project.folder / "modules.json").read_text())
    assert modules == ["pg_scheduler_pytest", "pg_scheduler_pytest.plugin"]


@pytest.mark.slow_with("anyio")
@pytest.mark.parametrize("plugin", ["asyncio", "anyio"])
def test_the_fixtures_test_code_as_it_is_written(
    project: Project, plugin: str, server: EmbeddedServer
) -> None:
    """Over both stores, with either of the plugins for coroutines; warnings are errors."""
    project.write("shop.py", SHOP)
    project.write(
        "conftest.py", "import pytest\n\n@pytest.fixture\ndef anyio_backend():\n    return 'asyncio'\n"
    )
    project.write(
        "test_shop.py",
        f"""
        import pytest, shop
        from datetime import timedelta
        from pg_scheduler.testing import assert_scheduled, drain

        pytestmark = pytest.mark.{plugin}

        @pytest.mark.pgq_over
        async def test_a_reminder_goes_out_tomorrow(pgq_scheduler, pgq_clock, pgq_store):
            await shop.order(pgq_scheduler, pgq_store)
            await assert_scheduled(pgq_scheduler, shop.remind, args=(pgq_store,), count=1)
            assert await drain(pgq_scheduler) == []
            await pgq_clock.advance(timedelta(days=1))
            assert len(await drain(pgq_scheduler, raise_errors=True)) == 1
            assert shop.sent[-1] == pgq_store

        class TestApp:
            async def test_an_entrypoint(self, pgq_app):
                @pgq_app.entrypoint("mail")
                async def mail(job):
                    shop.sent.append(job.payload)
                await pgq_app.queries.enqueue("mail", b"x")
                await drain(pgq_app)
                assert shop.sent[-1] == b"x"

        async def test_a_database_of_its_own(pgq_dsn):
            import asyncpg
            connection = await asyncpg.connect(pgq_dsn)
            assert await connection.fetchval("SELECT count(*) FROM scheduled_jobs") == 0
            await connection.close()
        """,
    )
    others = WITHOUT_ASYNCIO if plugin == "anyio" else WITH_ASYNCIO
    code, said = project.pytest("-W", "error", "--strict-markers", *others, PG_SCHEDULER_TEST_DSN=server.dsn)
    assert code == 0, said
    assert "4 passed" in said


def test_what_a_test_leaves_behind_is_said_once_each(project: Project) -> None:
    project.write(
        "test_left.py",
        """
        import asyncio, pytest
        from pg_scheduler import Scheduler
        from pg_scheduler.testing import MemoryDriver, drain

        async def work():
            pass

        async def long():
            begun.set()
            await asyncio.sleep(3600)

        async def seen():
            pass

        async def later():
            pass

        async def test_never_drained(pgq_scheduler):
            await pgq_scheduler.enqueue(work)

        async def test_looked_at(pgq_scheduler):
            job = await pgq_scheduler.enqueue(seen)
            assert (await job.status()).value == "pending"

        async def test_due_later(pgq_scheduler):
            await pgq_scheduler.using(delay=60).enqueue(later)

        async def test_unknown(pgq_scheduler):
            await pgq_scheduler.enqueue("elsewhere")
            await drain(pgq_scheduler)

        async def test_started(pgq_scheduler):
            global begun
            begun = asyncio.Event()
            await pgq_scheduler.start()
            global left
            left = await pgq_scheduler.enqueue(long)
            await begun.wait()

        async def test_what_a_fixture_made_was_shut_down_with_its_test():
            assert (await left.status()).value == "pending"  # given back

        async def test_own_scheduler():
            await Scheduler(MemoryDriver()).start()

        async def test_shut_down():
            async with Scheduler(MemoryDriver()) as scheduler:
                await (await scheduler.enqueue(work)).wait(10)

        async def test_failed(pgq_scheduler):
            await pgq_scheduler.enqueue(work)
            raise ValueError("only this is shown")
        """,
    )
    code, said = project.pytest("-o", "asyncio_mode=auto")
    assert code == 1, said
    assert "1 failed, 8 passed" in said
    assert "test_left:seen" not in said
    assert "test_left:later" not in said
    for sentence, number in (
        ("the test stored 1 due job and neither ran nor looked at any: test_left:work", 1),
        ("drain() left due jobs of tasks that are not known here: 'elsewhere' (1)", 1),
        ("1 job was still running when the test ended: test_left:long", 1),
        ("a scheduler was started and never shut down", 2),
    ):
        assert said.count(sentence) == number, f"{sentence}\n{said}"


def test_a_wrong_store_is_refused(project: Project) -> None:
    project.write(
        "test_wrong.py",
        """
        import pytest

        @pytest.mark.pgq_over("mongo")
        def test_it(pgq_scheduler):
            pass
        """,
    )
    code, said = project.pytest()
    assert code != 0
    assert "pgq_over: expected some of memory, postgresql, got 'mongo'" in said


@pytest.mark.slow
def test_a_server_is_started_where_none_is_given(project: Project) -> None:
    project.write(
        "test_server.py",
        """
        def test_two_databases(pgq_server, pgq_dsn):
            assert pgq_dsn.startswith(pgq_server.dsn.rpartition("/")[0])
        """,
    )
    code, said = project.pytest("-W", "error", *WITHOUT_ASYNCIO, PG_SCHEDULER_TEST_DSN="")
    assert code == 0, said
