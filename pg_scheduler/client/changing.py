"""Changes of stored jobs by hand: which jobs are meant is settled before the first is changed."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypedDict

from pg_scheduler.domain.acts import Action, ChangeAnswer, Changed, ChosenJob
from pg_scheduler.domain.audit import Actor
from pg_scheduler.domain.errors import InvalidInput, SelectionChanged
from pg_scheduler.domain.model import JobRecord
from pg_scheduler.domain.paging import Cursor
from pg_scheduler.domain.selection import Selection
from pg_scheduler.ports.driver import Driver
from pg_scheduler.ports.insight import Insight

AT_MOST = 1_000
"""Jobs that one change changes unless it is told otherwise."""
AT_ONCE = 500
"""Jobs that one transaction changes."""

OnProgress = Callable[[int, int], None]
"""Is called with how many jobs have been dealt with, and of how many."""


class ChangeOptions(TypedDict, total=False):
    """How a change is made."""

    expected: int | None
    """How many whoever decides this has seen; no more are changed, and none if more match."""
    as_of: datetime | None
    """When he saw them (`Count.now`, `Page.now`): what has ended, or was stored, later is left alone."""
    at_most: int
    """No more jobs than this, the newest first; 1,000 by default. Not of ids."""
    by: Actor | None
    """Who does it, for the audit."""
    on_progress: OnProgress | None
    """Is called after each batch with how many jobs have been dealt with, and of how many."""


class ChangeRequest(NamedTuple):
    """What is to be done to which jobs."""

    action: Action
    expected: int | None = None
    as_of: datetime | None = None
    at_most: int = AT_MOST
    by: Actor | None = None
    on_progress: OnProgress | None = None


class Choice(NamedTuple):
    """Jobs that were chosen to be changed: as what they are, so that no others are."""

    jobs: Sequence[ChosenJob]
    left: bool = False
    """Whether more match."""
    selection: Selection | None = None
    """By what they were chosen, unless by their ids."""


async def chosen_by(insight: Insight, selection: Selection, request: ChangeRequest) -> Choice:
    """The jobs that match, the newest first and no more than are to be changed.

    Raises:
        SelectionChanged: more than were expected.
    """
    wanted = _possible(selection, request.action)
    most = request.at_most if request.expected is None else min(request.at_most, request.expected)
    found: dict[str, ChosenJob] = {}
    after: Cursor | None = None
    while len(found) <= most:
        page = await insight.page(wanted, after, AT_ONCE)
        seen = (job for job in page.jobs if _was_there(job, request.as_of))
        found |= {job.job_id: ChosenJob(job.job_id, job.epoch, job.status) for job in seen}
        after = page.next
        if after is None:
            break
    if request.expected is not None and len(found) > request.expected and request.expected <= request.at_most:
        raise SelectionChanged(request.expected, len(found))
    return Choice(list(found.values())[:most], len(found) > most, selection)


async def changed(driver: Driver, choice: Choice, request: ChangeRequest, *, now: datetime | None) -> Changed:
    """Change the jobs, batch by batch under one record."""
    jobs = choice.jobs
    answers: dict[str, ChangeAnswer] = {}
    audit_id: int | None = None
    for first in range(0, len(jobs), AT_ONCE):
        batch = await driver.steering.change(
            jobs[first : first + AT_ONCE],
            request.action,
            now=now,
            by=request.by,
            selection=None if choice.selection is None else json_of(choice.selection),
            audit_id=audit_id,
        )
        answers |= batch.answers
        audit_id = batch.audit_id
        if request.on_progress is not None:
            request.on_progress(min(first + AT_ONCE, len(jobs)), len(jobs))
    return Changed(answers, choice.left, audit_id)


def _possible(selection: Selection, action: Action) -> Selection:
    """Those of the jobs to which the action can be done.

    Raises:
        InvalidInput: there are none.
    """
    wanted = selection.only(action.possible)
    if wanted is None:
        states = ", ".join(sorted(action.possible))
        raise InvalidInput(
            "status", f"{action.act}: impossible in this state", f"Leave it out, or name some of {states}"
        )
    return wanted


def _was_there(job: JobRecord, as_of: datetime | None) -> bool:
    """Whether the job was what it is at that time."""
    if as_of is None:
        return True
    return (job.finished_at if job.status.finished and job.finished_at else job.created_at) <= as_of


def json_of(selection: Selection) -> str:
    """A selection for the record of an act."""
    return json.dumps(selection.words, default=_text_of, ensure_ascii=False)


def _text_of(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
