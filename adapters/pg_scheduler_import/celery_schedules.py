"""What a schedule of Celery's means here. Celery itself says when its schedules are due."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from pg_scheduler.domain.windows import EPOCH
from pg_scheduler_import.cron_words import Times
from pg_scheduler_import.foreign import Refused
from pg_scheduler_import.scheduled import Recurring, Rule, zone_named

OWN = "celery.backend_cleanup"
"""What Celery itself adds, for the results that it keeps."""


def recurring(
    schedule: Any,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    *,
    last: datetime | None = None,
    start: datetime | None = None,
    settings: Mapping[str, Any] | None = None,
    notes: Sequence[str] = (),
) -> Recurring:
    """A schedule here, of a crontab or an interval there.

    Beat writes down what it ran only now and then, so a schedule goes on with its first run after now, and
    not after the last that is known; that decides about the phase of an interval.

    Raises:
        Refused: it is of another kind.
    """
    rule = _rule(schedule, start or last)
    begin = max(filter(None, (start, datetime.now(UTC))))
    runs = partial(_runs, schedule, rule, begin)
    made = {"catch_up": "latest", "misfire_grace_time": None, "overlap": "allow", **(settings or {})}
    return Recurring(rule, args, kwargs, runs, made, start and next(runs()), tuple(notes))


def _rule(schedule: Any, known: datetime | None) -> Rule:
    kinds = {kind.__name__ for kind in type(schedule).__mro__}
    if "crontab" in kinds:
        times = Times(
            schedule.minute,
            schedule.hour,
            schedule.day_of_month,
            schedule.month_of_year,
            schedule.day_of_week,
        )
        return Rule(cron=times.cron, timezone=zone_named(schedule.tz))
    if "solar" in kinds:
        raise Refused(f"there are no solar schedules here ({schedule.event})")
    if isinstance(every := getattr(schedule, "run_every", None), timedelta):
        anchor = EPOCH if schedule.relative else known or datetime.now(UTC).replace(microsecond=0)
        return Rule(every=every, anchor=anchor)
    raise Refused(f"a schedule of the kind {type(schedule).__name__} has no equivalent here")


def _runs(schedule: Any, rule: Rule, begin: datetime) -> Iterator[datetime]:
    if rule.every is not None:
        assert rule.anchor is not None
        if rule.every < timedelta(seconds=1):
            raise Refused(f"its interval of {rule.every} is shorter than a second")
        moment = begin + (rule.anchor - begin) % rule.every
        while True:
            yield moment
            moment += rule.every
    walk, moment = copy(schedule), begin
    walk.tz = schedule.tz  # a copy is made anew of its fields alone
    walk.nowfun = lambda: moment
    while True:
        moment = (moment + walk.remaining_estimate(moment)).astimezone(UTC)
        yield moment
