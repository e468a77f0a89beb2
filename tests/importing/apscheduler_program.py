"""A program on APScheduler 3, with its jobs in a database: ``python -m tests.importing.apscheduler_program
work|load NUMBER``, DSN in the environment. `scheduler` is what `pgq import apscheduler --app` takes.

Which windows have run is written down by a listener, which is told the time that a run was for.
"""

from __future__ import annotations

import os
import sys
import time
from datetime import UTC, datetime, timedelta

import sqlalchemy
from apscheduler.events import EVENT_JOB_EXECUTED
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.background import BackgroundScheduler

engine = sqlalchemy.create_engine(os.environ["DSN"].replace("postgresql://", "postgresql+psycopg://", 1))
scheduler = BackgroundScheduler(jobstores={"default": SQLAlchemyJobStore(engine=engine)}, timezone=UTC)


def note(number: int) -> None:
    """The work."""


def load(jobs: int) -> None:
    """Store so many jobs, each due every second, all of them in the coming one."""
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1)
    scheduler.start(paused=True)
    for number in range(jobs):
        scheduler.add_job(
            note, "interval", seconds=1, start_date=start, args=[number], id=str(number),
            misfire_grace_time=None, coalesce=False, max_instances=50,
        )  # fmt: skip
    scheduler.shutdown()


def work() -> None:
    """Run them until killed."""

    def executed(event: object) -> None:
        with engine.begin() as connection:
            connection.exec_driver_sql(
                "INSERT INTO ran (job, due, by) VALUES (%s, %s, 'theirs')",
                (event.job_id, event.scheduled_run_time),  # type: ignore[attr-defined]
            )

    scheduler.add_listener(executed, EVENT_JOB_EXECUTED)
    scheduler.start()
    while True:
        time.sleep(60)


if __name__ == "__main__":
    load(int(sys.argv[2])) if sys.argv[1] == "load" else work()
