"""What the side-by-side machine may say to the drivers: few values, so that calls meet, and awkward ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from hypothesis import strategies as st

from pg_scheduler.domain.limits import TaskLimits
from pg_scheduler.domain.model import Lease, NewJob
from pg_scheduler.domain.retention import VacuumPolicy
from pg_scheduler.domain.retry import Backoff
from pg_scheduler.domain.settling import ATTEMPT_OUTCOMES
from pg_scheduler.domain.states import JobEvent, JobStatus
from pg_scheduler.domain.verdict import Settlement, Verdict
from pg_scheduler.testing.contract.scene import NOON

MICROSECOND = timedelta(microseconds=1)
LEASE = timedelta(seconds=60)

IDS = st.sampled_from(["a", "B", "\u00e4"])
"""In code point order they are B a \u00e4; in a dictionary they are not."""
NAMES = st.sampled_from(["task", "Task", "other"])
KNOWN_NAMES = st.sampled_from([["task", "Task", "other"]] * 4 + [["Task"], []])
WORKERS = st.sampled_from(["ann", "Bob"])
EPOCHS = st.integers(0, 6)
PASSING = st.sampled_from(
    [MICROSECOND, *(timedelta(seconds=s) for s in (0.999999, 1, 5, 20, 60, 61, 86_400))]
)
"""How long nothing happens; leases last 60 s and graces are around the others."""

JOBS = st.builds(
    NewJob,
    job_id=IDS,
    task_name=NAMES,
    execution_time=st.sampled_from([0, -1, -30, 0, 0, 0.000001, 10, 90, 86_400]).map(
        lambda seconds: NOON + timedelta(seconds=seconds)
    ),
    task_data=st.sampled_from(
        ['{"args": [], "kwargs": {}}', '{"kwargs":{"b":1,"a":"\\u00e9"},"args":[1.50]}']
    ),
    rank=st.sampled_from([-7, 1, 5, 8, 2**31 - 1]),
    max_retries=st.sampled_from([0, 2]),
    misfire_grace_seconds=st.sampled_from([None, None, 0, 1, 20]),
    timeout=st.sampled_from([None, timedelta(seconds=2.5)]),
    backoff=st.sampled_from([None, Backoff(timedelta(seconds=0.1), 1.5, timedelta(seconds=9), 0.5)]),
    store_result=st.booleans(),
    schedule_key=st.sampled_from([None, None, "key"]),
    exclusive_key=st.sampled_from([None, "lock"]),
    exclusive_wait=st.booleans(),
    payload=st.sampled_from([None, b"", b"\x00\xff"]),
    headers=st.sampled_from([None, '{"a": 1}']),
    delay=st.sampled_from([None, None, None, timedelta(0), timedelta(seconds=5)]),
    limit_key=st.sampled_from([None, None, "key", "Key"]),
    queue=st.sampled_from(["default", "default", "mail"]),
    fresh_id=st.booleans(),  # said of ids that are taken too: a driver may be quick, it may not be wrong
)
QUEUES = st.sampled_from(["mail", "mail", "default"])
DEDUPE_KEYS = st.sampled_from([None, "d", "D"])
LIMIT = st.builds(
    TaskLimits,
    concurrency=st.sampled_from([None, None, 1, 2]),
    rate=st.sampled_from([None, None, 0.5, 2.0, 30.0]),
)
LIMITS = st.dictionaries(NAMES, LIMIT, min_size=1)

_DELAYS = st.sampled_from([timedelta(0), timedelta(seconds=7.654321), timedelta(days=1)])


def _with_delay(verdict: Verdict, delay: timedelta) -> Verdict:
    wants = verdict.event in (JobEvent.RETRY, JobEvent.SNOOZE)
    return replace(verdict, delay=delay if wants else None)


VERDICTS = st.builds(
    _with_delay,
    st.builds(
        Verdict,
        event=st.sampled_from(list(ATTEMPT_OUTCOMES)),
        error_message=st.sampled_from([None, "", "E: broken"]),
        traceback=st.sampled_from([None, "Traceback"]),
        result=st.sampled_from([None, "[1]", "null", '{"b":1, "a":2}']),
    ),
    _DELAYS,
)
NOT_KEPT = st.sampled_from([(), (), (JobStatus.COMPLETED,), (JobStatus.FAILED, JobStatus.CANCELLED)])
POLICIES = st.sampled_from([VacuumPolicy.keep_last(1), VacuumPolicy.after_days(1), VacuumPolicy.never()])


Held = tuple[Lease, str]
"""A lease, and the worker to whom it was given."""


def leases(known: Sequence[Held]) -> st.SearchStrategy[list[Lease]]:
    """Leases that were given at some time, the latest most of all, and guesses."""
    given_once = st.sampled_from([lease for lease, _ in known[:-9:-1]])
    return st.lists(given_once | given_once | st.builds(Lease, IDS, EPOCHS), max_size=4)


@st.composite
def settlements(draw: st.DrawFn, known: Sequence[Held]) -> list[Settlement]:
    """Verdicts on leases that were given at some time, some by the wrong worker, and on guesses. A job stands
    in it under one lease and one worker, perhaps twice: no engine has more to say in one call."""
    true = st.sampled_from(known[:-5:-1])
    stolen = st.tuples(st.sampled_from([lease for lease, _ in known]), WORKERS)
    guessed = st.tuples(st.builds(Lease, IDS, EPOCHS), WORKERS)
    one = st.one_of(true, true, true, stolen, guessed)
    chosen = draw(st.lists(one, min_size=1, max_size=4, unique_by=lambda held: held[0].job_id))
    repeated = draw(st.lists(st.sampled_from(chosen), max_size=1))
    return [
        Settlement(lease.job_id, lease.epoch, worker, draw(VERDICTS))
        for lease, worker in [*chosen, *repeated]
    ]
