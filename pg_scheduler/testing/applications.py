"""Which schedulers run the jobs of what a test has in its hands."""

from __future__ import annotations

from typing import TypeAlias

from pg_scheduler.blocking.blocking_jobs import BlockingJobs
from pg_scheduler.blocking.sync_scheduler import SyncScheduler
from pg_scheduler.client.standing_over import made_over
from pg_scheduler.domain.errors import InvalidInput, shown
from pg_scheduler.entrypoints.application import App
from pg_scheduler.queries import Queries
from pg_scheduler.scheduler import Scheduler

Application: TypeAlias = Scheduler | App | Queries | BlockingJobs
"""Whatever stores jobs: a `Scheduler`, a `PgQueuer` or another application of the entrypoint style,
`Queries`, `SyncQueries`, `SyncScheduler`."""


def schedulers_of(app: Application) -> list[Scheduler]:
    """The schedulers whose jobs `app` stores: itself or its own; for a client, all that were made over the
    same driver.

    Raises:
        InvalidInput: `app` is none of these, or a client over whose driver nothing was made that could run
            a job.
    """
    if isinstance(app, Scheduler):
        return [app]
    if isinstance(app, App):
        return [app.scheduler]
    if not isinstance(app, Queries | BlockingJobs):
        raise InvalidInput("app", f"expected a Scheduler, an application or a client, got {shown(app)}")
    found = [one for one in made_over(app.driver) if isinstance(one, Scheduler)]
    if found:
        return found
    if isinstance(app, SyncScheduler):
        return [app.as_scheduler()]
    raise InvalidInput(
        "app",
        f"{type(app).__name__} knows no functions, and no application stands over its driver",
        "Make one over the same driver, app = PgQueuer(driver), or drain the application itself",
    )
