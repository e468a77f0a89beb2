"""`pgq run PATH`: what a path may name, and what is said of one that leads nowhere."""

from __future__ import annotations

import pytest

from pg_scheduler.queries import Queries
from tests.adapters.cli.apps import Shop

pytestmark = pytest.mark.slow

FACTORIES = """
import contextlib
import os

import asyncpg

from pg_scheduler import PgQueuer, Scheduler
from pg_scheduler.db import AsyncpgDriver
from pg_scheduler.qm import QueueManager
from pg_scheduler.sc import SchedulerManager
from shop import app, note

ready_made = app()
ran = []


async def coroutine():
    connection = await asyncpg.connect(os.environ["SHOP_DSN"])
    return app(AsyncpgDriver(connection))


def plain():
    return app()


@contextlib.asynccontextmanager
async def async_context():
    async with asyncpg.create_pool(os.environ["SHOP_DSN"], min_size=1, max_size=3) as pool:
        yield app(pool)
        await pool.fetchval("SELECT 1")
        note("tidied")


@contextlib.contextmanager
def context():
    yield app()
    note("tidied")


async def async_generator():
    yield app()
    note("tidied")


def generator():
    yield app()
    note("tidied")


async def queue_manager():
    qm = QueueManager(os.environ["SHOP_DSN"])

    @qm.entrypoint("mail")
    def mail(job):
        note(f"mail:{job.payload.decode()}")

    return qm


async def schedule_manager():
    sm = SchedulerManager(os.environ["SHOP_DSN"])

    @sm.schedule("mail", "0 0 29 2 *")
    async def nightly(schedule):
        note("mail:x")

    return sm


class Apps:
    @staticmethod
    def scheduler():
        scheduler = Scheduler(os.environ["SHOP_DSN"])

        async def mail():
            note("mail:x")

        scheduler.register(mail, name="mail")
        return scheduler


@contextlib.asynccontextmanager
async def started():
    async with app() as pgq:
        yield pgq


def returns_junk():
    return 7


def needs_something(dsn):
    return app()


def fails():
    url = "postgresql://me:hush-hush@host/x"
    raise LookupError(f"no such thing at {url}")


def leaves():
    raise SystemExit(0)


number = 7
"""


@pytest.fixture(autouse=True)
def _modules(shop: Shop) -> None:
    shop.write("pkg.factories", FACTORIES)
    shop.write("pkg.sub.__init__", "from pkg.sub.main import main\nopen('imported', 'a').write('.')\n")
    shop.write("pkg.sub.main", "from shop import main\n")
    shop.write("broken", "def f():\n    return 1 / 0\n\nf()\n")
    shop.write("unfinished", "def f(:\n")
    shop.write("hungry", "import shop\nimport no_such_module\n")


@pytest.mark.parametrize(
    ("path", "tidies"),
    [
        ("pkg.factories.coroutine", False),
        ("pkg.factories:plain", False),
        ("pkg.factories.async_context", True),
        ("pkg.factories.context", True),
        ("pkg.factories.async_generator", True),
        ("pkg.factories.generator", True),
        ("pkg.factories:ready_made", False),
        ("pkg.factories.queue_manager", False),
        ("pkg.factories.schedule_manager", False),
        ("pkg.factories:Apps.scheduler", False),
        ("pkg.factories.Apps.scheduler", False),
        ("pkg.factories.started", False),
        ("pkg.sub.main", False),
    ],
)
async def test_a_factory_of_any_form_makes_the_application(
    shop: Shop, queries: Queries, path: str, tidies: bool
) -> None:
    await queries.enqueue("mail", b"x")
    async with shop.run(path, "--drain") as run:
        assert await run.ended() == 0, run.err
    assert shop.notes == ["mail:x", "tidied"] if tidies else ["mail:x"]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("shpo.main", "no module 'shpo' in the current folder or installed. Did you mean `shop.main`?"),
        ("pkg.factory.f", "module 'pkg' was found, but it has no 'factory'. Did you mean `pkg.factories.f`?"),
        ("pkg.factories.plian", "has no 'plian'. Did you mean `pkg.factories.plain`?"),
        ("pkg.factories:plian", "module 'pkg.factories' was found, but it has no 'plian'."),
        ("pkg.factories:plian", "Did you mean `pkg.factories:plain`?"),
        ("pkg.factories:Apps.schedulre", "Did you mean `pkg.factories:Apps.scheduler`?"),
        ("shop:nothing_near", "module 'shop' was found, but it has no 'nothing_near'"),
        ("shop", "shop is a module. Did you mean `shop.main`?"),
        ("./shop.py:main", "Did you mean `shop:main`?"),
        ("shop.py", "Did you mean `shop:main`?"),
        ("shop:", "expected package.module.function"),
        ("a b.c", "expected package.module.function"),
        ("pkg.factories.number", "is 7: expected a function that returns the application"),
        ("pkg.factories.returns_junk", "returned 7: expected a PgQueuer"),
        ("pkg.factories.needs_something", "callable without arguments: missing a required argument: 'dsn'"),
    ],
)  # fmt: skip
async def test_a_path_that_leads_nowhere_says_how_far_it_led_and_what_was_near(
    shop: Shop, path: str, said: str
) -> None:
    async with shop.run(path) as run:
        assert await run.ended() == 2
    assert run.err.startswith("pgq: "), run.err
    assert run.err.count("\n") == 1, "one line"
    assert said in run.err


@pytest.mark.parametrize(
    ("path", "line", "said"),
    [
        ("pkg.factories.fails", 'raise LookupError(f"no such thing', "LookupError: no such thing at"),
        ("pkg.factories.leaves", "raise SystemExit(0)", "SystemExit: 0"),
        ("broken.main", "return 1 / 0", "importing broken failed: ZeroDivisionError"),
        ("unfinished.main", "def f(:", "importing unfinished failed: File"),
        ("hungry.main", "import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
    ],
)
async def test_a_program_that_fails_shows_its_own_traceback_without_passwords(
    shop: Shop, path: str, line: str, said: str
) -> None:
    async with shop.run(path) as run:
        assert await run.ended() == 1
    assert line in run.err
    assert said in run.err.splitlines()[-1]
    assert run.err.splitlines()[-1].startswith("pgq: ")
    assert "pg_scheduler_cli" not in run.err, "no frames of ours"
    assert "hush" not in run.err


async def test_options_come_too_late_for_an_application_that_runs_already(shop: Shop) -> None:
    async with shop.run("pkg.factories.started", "--concurrency", "1") as run:
        assert await run.ended() == 2
    assert "return it before it is started" in run.err


async def test_functions_of_trusted_modules_can_be_chosen_though_nobody_has_looked_for_them(
    shop: Shop, queries: Queries
) -> None:
    shop.write("trusted", "from shop import note\n\nasync def wash(): note('washed')\n")
    shop.write(
        "trusting",
        "import os\n"
        "from pg_scheduler import Scheduler\n"
        "def main():\n"
        "    return Scheduler(os.environ['SHOP_DSN'], task_modules=['trusted'])\n",
    )
    await queries.enqueue("trusted:wash")
    async with shop.run("trusting.main", "--drain", "--only", "trusted:wash") as run:
        assert await run.ended() == 0, run.err
    assert shop.notes == ["washed"]
