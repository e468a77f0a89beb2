"""``python -m tests.chaos.network.mutants``: does each network scenario see that its guard is gone?

As `tests.chaos.mutants` for the scenarios of processes. What cannot be played here is left out, and says why.
"""

from __future__ import annotations

import sys

from tests.chaos.mutants import (
    ANY_EPOCH,
    GROWING_MARK,
    NOT_RENEWED_AT_LAST,
    ONE_WAY_TO_RENEW,
    PLANNED_FOR,
)
from tests.chaos.mutating import FRAGMENTS, Harness, Mutant, run
from tests.chaos.network.scenarios import SCENARIOS

ENGINE = "pg_scheduler/engine/"
SUBMITTING = "pg_scheduler/client/submit_retry.py"
ASYNCPG, PSYCOPG = "adapters/pg_scheduler_asyncpg/", "adapters/pg_scheduler_psycopg/"
MEANINGS = "adapters/pg_scheduler_postgres/sqlstate.py"
NO_DOUBT = "            self._in_doubt.update(attempt.lease for attempt in batch)\n"
DROPPED_VERDICTS = (
    (ENGINE + "settling/settler.py", "        batch = self._queue[:MAX_BATCH]\n",
     "        batch, self._queue = self._queue[:MAX_BATCH], self._queue[MAX_BATCH:]\n"),
    (ENGINE + "settling/settler.py", "        del self._queue[: len(batch)]\n", ""),
)  # fmt: skip

MUTANTS = (
    Mutant(
        "lost submissions",
        "a call whose answer was lost is repeated",
        ((SUBMITTING, "            if connection is not None or given_up or (",
          "            if lost or given_up or ("),),
    ),
    Mutant(
        "lost submissions",
        "an id that was made for its job and is stored was stored by this call",
        ((SUBMITTING, "if not in_doubt or not await _all_stored(driver.insight, jobs):", "if True:"),),
    ),
    Mutant(
        "lost submissions",
        "an id that was made for its job and is taken was taken by this call",
        ((SUBMITTING, "return await _own(driver.insight, jobs, answers) if in_doubt else answers",
          "return answers"),),
    ),
    Mutant(
        "lost claims",
        "what a failed claim may have leased is given back",
        ((ENGINE + "claiming/claimer.py", "                self._doubt.claim_failed()\n", ""),),
    ),
    Mutant(
        "lost verdicts",
        "a verdict whose answer was lost is known again",
        ((ENGINE + "settling/settler.py", NO_DOUBT, ""),),
    ),
    Mutant(
        "lost windows",
        "a step counts only if nobody moved the schedule, and a window's job has one id",
        (
            PLANNED_FOR,
            GROWING_MARK,
            (ENGINE + "schedules/stager.py", "job_id=window_job_id(key, window),",
             "job_id=f'{window_job_id(key, window)}:{randomness}',"),
        ),
    ),
    Mutant(
        "half-open LISTEN",
        "a connection that only listens is probed",
        (
            (ASYNCPG + "listening.py", 'await connection.fetchval("SELECT 1", timeout=PROBE_TIMEOUT)',
             "pass"),
            (PSYCOPG + "listening.py", 'await connection.execute("SELECT 1")', "pass"),
        ),
    ),
    Mutant(
        "half-open pool",
        "no statement is waited for without end",
        (
            (ASYNCPG + "sessions.py", "fetch(sql, *args, timeout=COMMAND_TIMEOUT)",
             "fetch(sql, *args, timeout=None)"),
            (PSYCOPG + "sessions.py", "timeout(COMMAND_TIMEOUT):\n                # A raw cursor",
             "timeout(None):\n                # A raw cursor"),
        ),
    ),
    Mutant(
        "half-open renewals",
        "another connection renews where one does not answer in time",
        (
            (ENGINE + "leases/dedicated_connection.py", "asyncio.wait({doing}, timeout=self._patience)",
             "asyncio.wait({doing}, timeout=None)"),
            ONE_WAY_TO_RENEW,
            NOT_RENEWED_AT_LAST,
        ),
    ),
    Mutant(
        "partition",
        "a completion names its epoch and its owner",
        (
            (FRAGMENTS + "plain_ends.sql", "pg_catalog.unnest(:epochs::bigint[]))", "job.epoch)"),
            (FRAGMENTS + "plain_ends.sql", "job.status = 'running' AND job.worker_id = :worker_id::text",
             "job.status = 'running'"),
        ),
    ),
    Mutant(
        "lost notifications",
        "there is a slow poll",
        ((ENGINE + "claiming/claimer.py", "wait_at_most(self._woken, interval, self._clock)",
          "wait_at_most(self._woken, None, self._clock)"),),
    ),
    Mutant("bad line", "a verdict that could not be written is kept", DROPPED_VERDICTS),
    Mutant("long outage", "a verdict that could not be written is kept", DROPPED_VERDICTS),
    Mutant(
        "long outage",
        "after an outage there is time to renew",
        ((ENGINE + "leases/reclaimer.py",
          '        """The database was out of reach: a renewal of this worker\'s own leases failed."""\n'
          "        self._after_outage = True\n",
          '        """The database was out of reach: a renewal of this worker\'s own leases failed."""\n'),),
        3,
    ),
    Mutant(
        "server crashes",
        "after a start of the server there is time to renew",
        ((ENGINE + "leases/reclaimer.py", "max_crashes, after_restart=patience)", "max_crashes)"),),
    ),
    Mutant(
        "ended backends",
        "a service goes on after a failure",
        ((ENGINE + "service.py", "        failures += 1\n        on_failure(failed)\n",
          "        on_failure(failed)\n        raise failed\n"),),
    ),
    Mutant(
        "ended backends",
        "the connection that renews is replaced",
        (
            (ASYNCPG + "sessions.py", "if self._connection.is_closed():\n                self._connection =",
             "if False:\n                self._connection ="),
            (PSYCOPG + "sessions.py", "            if self._connection.closed:\n",
             "            if False:\n"),
            ONE_WAY_TO_RENEW,
            NOT_RENEWED_AT_LAST,
        ),
    ),
    Mutant(
        "refusals",
        "a submission that was rolled back is repeated",
        ((SUBMITTING, "except (ConnectionLost, TransientDatabaseError) as error:",
          "except ConnectionLost as error:"),),
    ),
    Mutant(
        "refusals",
        "what was rolled back is worth another try",
        ((MEANINGS, '("40", "55P03", "57014")', '("40002",)'),),
    ),
    Mutant("refusals", "a verdict that could not be written is kept", DROPPED_VERDICTS),
    Mutant(
        "disk full",
        "a full disk is no fault of the statement",
        ((MEANINGS, '("53", "58", ', '("58", '),),
    ),
    Mutant("pooler", "a verdict that could not be written is kept", DROPPED_VERDICTS),
    Mutant(
        "pooler",
        "a connection that the server ended is worth another try",
        ((MEANINGS, '("08", "40003", "57P01", ', '("40003", '),),
    ),
    Mutant("failover", "a verdict that could not be written is kept", DROPPED_VERDICTS),
    Mutant("switchover", "a verdict that could not be written is kept", DROPPED_VERDICTS),
    Mutant(
        "lagging replica",
        "a completion names its attempt, and a worker hears of a lost lease before",
        (
            (ENGINE + "leases/lease_keeper.py", "self._tell(self._on_lost, lease)", "pass"),
            ANY_EPOCH,
            (FRAGMENTS + "plain_ends.sql", "job.status = 'running' AND job.worker_id = :worker_id::text",
             "job.status = 'running'"),
        ),
        3,
    ),
)  # fmt: skip
"""Each scenario has at least one."""

HARNESS = Harness(
    module="tests.chaos.network",
    length_option="--size",
    usual=1,
    mutants=MUTANTS,
    missing=lambda scenario: SCENARIOS[scenario].missing(),
)


if __name__ == "__main__":
    sys.exit(run(HARNESS, sys.argv[1:], __doc__))
