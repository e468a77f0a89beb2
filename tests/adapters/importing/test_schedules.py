"""A schedule is taken over as a whole, or stays, and is named."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
import sqlalchemy
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from celery import Celery
from celery.schedules import crontab

from pg_scheduler import Scheduler
from pg_scheduler.domain.errors import ConfigurationError
from pg_scheduler.domain.schedule import CatchUp, Overlap, ScheduleSpec
from pg_scheduler_import import APScheduler3, CeleryBeat, DjangoCeleryBeat, import_schedules

FAR = datetime(2040, 1, 1, 12, tzinfo=UTC)
BEAT = """
    CREATE TABLE django_celery_beat_crontabschedule (
        id serial PRIMARY KEY, minute text, hour text, day_of_week text, day_of_month text,
        month_of_year text, timezone text);
    CREATE TABLE django_celery_beat_intervalschedule (id serial PRIMARY KEY, every integer, period text);
    CREATE TABLE django_celery_beat_clockedschedule (id serial PRIMARY KEY, clocked_time timestamptz);
    CREATE TABLE django_celery_beat_periodictasks (
        ident smallint PRIMARY KEY, last_update timestamptz NOT NULL);
    CREATE TABLE django_celery_beat_periodictask (
        id serial PRIMARY KEY, name text UNIQUE, task text, args text DEFAULT '[]', kwargs text DEFAULT '{}',
        queue text, exchange text, routing_key text, headers text DEFAULT '{}', priority integer,
        expires timestamptz, expire_seconds integer, one_off boolean DEFAULT false, start_time timestamptz,
        enabled boolean DEFAULT true, last_run_at timestamptz, crontab_id integer, interval_id integer,
        clocked_id integer, solar_id integer);
    INSERT INTO django_celery_beat_crontabschedule (minute, hour, day_of_week, day_of_month, month_of_year,
        timezone) VALUES ('30', '6', 'mon-fri', '*', '*', 'Europe/Berlin'), ('61', '6', '*', '*', '*', 'UTC');
    INSERT INTO django_celery_beat_intervalschedule (every, period) VALUES (2, 'hours');
    INSERT INTO django_celery_beat_clockedschedule (clocked_time) VALUES ('2040-01-01 12:00Z');
    INSERT INTO django_celery_beat_periodictask
        (name, task, args, kwargs, queue, enabled, one_off, crontab_id, interval_id, clocked_id, solar_id,
         expires)
    VALUES
        ('report', 'shop.report', '[1]', '{"to": "Ada"}', 'mail', true, false, 1, NULL, NULL, NULL, NULL),
        ('resting', 'shop.tidy', '[]', '{}', NULL, false, false, NULL, 1, NULL, NULL, NULL),
        ('launch', 'shop.launch', '[]', '{}', NULL, true, true, NULL, NULL, 1, NULL, NULL),
        ('launched', 'shop.launch', '[]', '{}', NULL, false, true, NULL, NULL, 1, NULL, NULL),
        ('bright', 'shop.sun', '[]', '{}', NULL, true, false, NULL, NULL, NULL, 1, NULL),
        ('broken', 'shop.tidy', '[]', '{}', NULL, true, false, 2, NULL, NULL, NULL, NULL),
        ('ending', 'shop.tidy', '[]', '{}', NULL, true, false, 1, NULL, NULL, NULL, '2040-01-01 12:00Z'),
        ('celery.backend_cleanup', 'celery.backend_cleanup', '[]', '{}', NULL, true, false, 1, NULL, NULL,
         NULL, NULL);
"""


class solar:  # noqa: N801
    """As Celery's, which needs a package that computes the sun."""

    event = "sunset"


def work(number: int = 0, **more: Any) -> None:
    """What is scheduled."""


@pytest.fixture
def engine(dsn: str) -> Iterator[sqlalchemy.Engine]:
    """The store's way into the database."""
    made = sqlalchemy.create_engine(dsn.replace("postgresql://", "postgresql+psycopg://", 1))
    yield made
    made.dispose()


def a_scheduler(engine: sqlalchemy.Engine) -> BackgroundScheduler:
    """As a module makes it: not running."""
    return BackgroundScheduler(
        jobstores={"default": SQLAlchemyJobStore(engine=engine), "memory": {"type": "memory"}}, timezone=UTC
    )


@pytest.fixture
def filled(engine: sqlalchemy.Engine) -> BackgroundScheduler:
    """Another run of the program has stored jobs, and this one's code adds two."""
    earlier = a_scheduler(engine)
    earlier.start(paused=True)
    earlier.add_job(work, "interval", hours=1, id="hourly", args=[7], start_date=FAR)
    earlier.add_job(work, "date", run_date=FAR, id="once", kwargs={"a": 1}, misfire_grace_time=None)
    earlier.add_job(work, "cron", hour=3, id="resting", max_instances=3).pause()
    earlier.add_job(work, "cron", year=2050, id="far", misfire_grace_time=60)
    earlier.add_job(work, "interval", hours=1, id="odd", args=[object])
    earlier.shutdown()
    made = a_scheduler(engine)
    made.add_job(work, "interval", minutes=5, jitter=9, jobstore="memory", coalesce=False,
                 misfire_grace_time=None)  # fmt: skip
    made.add_job(work, "interval", hours=9, id="hourly", replace_existing=True)
    return made


async def stored(sql: asyncpg.Connection) -> list[str]:
    return [row["id"] for row in await sql.fetch("SELECT id FROM apscheduler_jobs ORDER BY id")]


async def test_apschedulers_jobs_are_moved_out_of_its_store(
    filled: BackgroundScheduler, scheduler: Scheduler, sql: asyncpg.Connection
) -> None:
    counts = await import_schedules(
        scheduler, sql, APScheduler3(filled), renamed={f"{__name__}:work": "work"}
    )
    assert {one.source_id: one.reason.split(", ")[0] for one in counts.refusals} == {
        "far": "it is limited to year 2050",
        "odd": "args[0]: builtins.type cannot be stored as JSON. Pass something JSON can carry",
    }
    assert (counts.imported, counts.seen, counts.left) == (4, 6, {"stored": 2})
    assert await stored(sql) == ["far", "odd"]
    by_key = {one.key: one for one in await scheduler.list_schedules()}
    hourly, resting = by_key["apscheduler:hourly"], by_key["apscheduler:resting"]
    assert (hourly.task_name, hourly.every, hourly.next_run) == ("work", timedelta(hours=1), FAR)
    assert (resting.cron, resting.enabled) == ("0 3 * * *", False)
    assert [one.notes for one in counts.schedules if one.source_id == "resting"] == [
        ["at most 3 at once there: give the task concurrency_limit=3"]
    ]
    records = {one.new.key: one.new for one in await scheduler.driver.schedules.list_schedules()}
    (of_code,) = [new for key, new in records.items() if "interval[0:05:00]" in key]
    spec = ScheduleSpec.from_text(of_code.spec)
    assert (spec.catch_up, spec.overlap, spec.jitter) == (CatchUp.ALL, Overlap.SKIP, timedelta(seconds=9))
    graced = ScheduleSpec.from_text(records["apscheduler:hourly"].spec)
    assert (graced.catch_up, graced.grace_seconds) == (CatchUp.NONE, 1)
    (job,) = await scheduler.jobs()
    assert (job.job_id, job.execution_time, job.misfire_grace_seconds) == ("apscheduler:once", FAR, None)
    assert scheduler.codec.decode_arguments(job.task_data) == ([], {"a": 1})


async def test_a_dry_run_tells_what_a_run_would_do_and_changes_nothing(
    filled: BackgroundScheduler, scheduler: Scheduler, sql: asyncpg.Connection
) -> None:
    before = await stored(sql)
    would = await import_schedules(scheduler, sql, APScheduler3(filled), dry_run=True)
    assert await stored(sql) == before
    assert not await scheduler.list_schedules()
    assert not await scheduler.jobs()
    did = await import_schedules(scheduler, sql, APScheduler3(filled))
    assert (did.imported, did.refusals, did.left) == (would.imported, would.refusals, would.left)


async def test_what_is_imported_again_is_known_or_refused(
    filled: BackgroundScheduler, engine: sqlalchemy.Engine, scheduler: Scheduler, sql: asyncpg.Connection
) -> None:
    await import_schedules(scheduler, sql, APScheduler3(filled))
    again = a_scheduler(engine)
    again.start(paused=True)
    again.add_job(work, "interval", hours=2, id="hourly")
    again.shutdown()
    counts = await import_schedules(scheduler, sql, APScheduler3(filled))
    assert (counts.imported, counts.known) == (0, 1)
    (taken,) = [one.reason for one in counts.refusals if one.source_id == "hourly"]
    assert taken == "it is stored here already, as apscheduler:hourly: remove one of both"
    assert "hourly" in await stored(sql)


async def test_a_job_that_runs_there_meanwhile_stays(
    filled: BackgroundScheduler, scheduler: Scheduler, sql: asyncpg.Connection
) -> None:
    """Its next run has changed since it was read: a run has begun that nobody here knows of."""

    class Ran(APScheduler3):
        async def found(self, connection: asyncpg.Connection) -> Any:
            found = await super().found(connection)
            await connection.execute("UPDATE apscheduler_jobs SET next_run_time = next_run_time + 3600")
            return found

    counts = await import_schedules(scheduler, sql, Ran(filled))
    (reason,) = [one.reason for one in counts.refusals if one.source_id == "hourly"]
    assert reason == "it has run there meanwhile, or is about to: import again"
    assert "hourly" in await stored(sql)
    assert "apscheduler:hourly" not in {one.key for one in await scheduler.list_schedules()}


async def test_a_job_that_cannot_be_read_here_is_refused_and_not_deleted(
    filled: BackgroundScheduler, scheduler: Scheduler, sql: asyncpg.Connection
) -> None:
    await sql.execute("UPDATE apscheduler_jobs SET job_state = $1 WHERE id = 'hourly'", b"cno.such\nthing\n.")
    counts = await import_schedules(scheduler, sql, APScheduler3(filled))
    (reason,) = [one.reason for one in counts.refusals if one.source_id == "hourly"]
    assert reason.startswith("it cannot be read here: ModuleNotFoundError")
    assert "hourly" in await stored(sql)


async def test_a_scheduler_that_runs_is_refused(
    engine: sqlalchemy.Engine, scheduler: Scheduler, sql: asyncpg.Connection
) -> None:
    running = a_scheduler(engine)
    running.start(paused=True)
    with pytest.raises(ConfigurationError, match="is running: its module starts it"):
        await import_schedules(scheduler, sql, APScheduler3(running))
    running.shutdown()


async def test_a_schedule_begins_where_the_other_program_would_have_gone_on(
    engine: sqlalchemy.Engine, scheduler: Scheduler, sql: asyncpg.Connection
) -> None:
    """Its program was down: the run that was missed there is made up for here, as the schedule says."""
    earlier = a_scheduler(engine)
    earlier.start(paused=True)
    earlier.add_job(work, CronTrigger(hour=3, timezone=UTC), id="nightly", misfire_grace_time=None)
    earlier.shutdown()
    missed = datetime.now(UTC).replace(hour=3, minute=0, second=0, microsecond=0) - timedelta(days=1)
    (state,) = await sql.fetchrow("SELECT job_state FROM apscheduler_jobs")
    changed = pickle.dumps({**pickle.loads(state), "next_run_time": missed})
    await sql.execute(
        "UPDATE apscheduler_jobs SET job_state = $1, next_run_time = $2", changed, missed.timestamp()
    )
    await import_schedules(scheduler, sql, APScheduler3(a_scheduler(engine)))
    (nightly,) = await scheduler.list_schedules()
    assert nightly.next_run == missed


async def test_the_entries_of_a_celery_app_are_copied(scheduler: Scheduler, sql: asyncpg.Connection) -> None:
    app = Celery("shop", broker="memory://")
    app.conf.timezone = "Europe/Berlin"
    app.conf.beat_schedule = {
        "nightly": {"task": "shop.nightly", "schedule": crontab(minute="0", hour="3"), "args": (1,),
                    "options": {"queue": "mail", "expires": 60, "priority": 3}},
        "often": {"task": "shop.often", "schedule": 30.0},
        "sun": {"task": "shop.sun", "schedule": solar()},
    }  # fmt: skip
    counts = await import_schedules(scheduler, sql, CeleryBeat(app), renamed={"shop.often": "often"})
    assert [(one.source_id, one.reason) for one in counts.refusals] == [
        ("sun", "there are no solar schedules here (sunset)")
    ]
    nightly, often = await scheduler.list_schedules()
    assert (nightly.key, nightly.task_name, nightly.cron, nightly.timezone) == (
        "celery-beat:nightly", "shop.nightly", "0 3 * * *", "Europe/Berlin",
    )  # fmt: skip
    assert (often.task_name, often.every) == ("often", timedelta(seconds=30))
    assert counts.schedules[0].notes == ["options that mean nothing here: priority"]
    assert counts.schedules[0].there == counts.schedules[0].here
    assert len(counts.schedules[0].here) == 5
    again = await import_schedules(scheduler, sql, CeleryBeat(app))
    assert (again.imported, again.known, again.seen) == (0, 2, 3)


async def test_periodic_tasks_of_django_are_switched_off_there(
    scheduler: Scheduler, sql: asyncpg.Connection
) -> None:
    await sql.execute(BEAT)
    would = await import_schedules(scheduler, sql, DjangoCeleryBeat(), dry_run=True)
    counts = await import_schedules(scheduler, sql, DjangoCeleryBeat())
    assert (would.imported, would.refusals, would.left) == (counts.imported, counts.refusals, counts.left)
    assert {one.source_id: one.reason.split(":")[0].split(",")[0] for one in counts.refusals} == {
        "bright": "there are no solar schedules here",
        "broken": "its crontab cannot be read",
        "ending": "it ends at 2040-01-01 12",
    }
    assert (counts.imported, counts.seen, counts.left) == (3, 6, {"on": 3, "off": 4})
    report, resting = await scheduler.list_schedules()
    assert (report.task_name, report.cron, report.timezone) == (
        "shop.report",
        "30 6 * * 1-5",
        "Europe/Berlin",
    )
    assert (resting.every, resting.enabled) == (timedelta(hours=2), False)
    (record, _) = await scheduler.driver.schedules.list_schedules()
    assert record.new.queue == "mail"
    assert scheduler.codec.decode_arguments(record.new.task_data) == ([1], {"to": "Ada"})
    (launch,) = await scheduler.jobs()
    assert (launch.job_id, launch.execution_time) == ("django-celery-beat:launch", FAR)
    assert await sql.fetchval("SELECT last_update IS NOT NULL FROM django_celery_beat_periodictasks")
    again = await import_schedules(scheduler, sql, DjangoCeleryBeat())
    assert (again.imported, again.known, len(again.refusals)) == (0, 2, 3)


async def test_beat_cannot_switch_on_again_what_was_taken(
    scheduler: Scheduler, sql: asyncpg.Connection
) -> None:
    """It had read the row before, and writes all of it afterwards."""
    await sql.execute(BEAT)

    class Overwritten(DjangoCeleryBeat):
        async def left(self, connection: asyncpg.Connection) -> dict[str, int]:
            await connection.execute(
                "UPDATE django_celery_beat_periodictask SET enabled = true WHERE name = 'report'"
            )
            return await super().left(connection)

    await import_schedules(scheduler, sql, Overwritten())
    assert not await sql.fetchval("SELECT enabled FROM django_celery_beat_periodictask WHERE name = 'report'")
