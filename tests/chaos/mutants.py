"""``python -m tests.chaos.mutants``: does each scenario see that its guard is gone?

One guard after the other is taken out of a copy of the tree by an exact replacement of text; the scenario
that is to prove it is played on the copy, and must report a broken invariant. Exit code 1 if one does not, or
if a text that is to be replaced is no longer there.
"""

from __future__ import annotations

import sys

from tests.chaos.mutating import FRAGMENTS, SQL, Harness, Mutant, run

ADAPTERS = "adapters/pg_scheduler_postgres/"
REAPER = (SQL + "reclaim_expired.sql", "WHERE job.status = 'running'\n        AND coalesce(:NOW",
          "WHERE job.status = 'nobody'\n        AND coalesce(:NOW")  # fmt: skip
FRESH_EPOCH = (
    "epoch = greatest(\n        job.epoch + 1 + (pg_catalog.random() * 65536::double precision)::bigint,\n"
    "        -- include: fresh_epoch\n    ),"
)
RAISED_EPOCH = (FRAGMENTS + "lease_to_worker.sql", FRESH_EPOCH, "epoch = greatest(job.epoch, 1),")
ANY_EPOCH = (FRAGMENTS + "plain_ends.sql", "pg_catalog.unnest(:epochs::bigint[]))", "job.epoch)")
PLANNED_FOR = (
    SQL + "advance_schedules.sql",
    "AND schedule.next_window IS NOT DISTINCT FROM step.expected_window",
    "AND (step.expected_window IS NULL OR true)",
)
NOT_RENEWED_AT_LAST = ("pg_scheduler/engine/leases/reclaimer.py", "            await self._renew_own()\n", "")
ONE_WAY_TO_RENEW = (
    "pg_scheduler/engine/leases/lease_keeper.py",
    "beside=self._renew_in_main_loop,",
    "beside=lambda: connection.use(self.renew_now),",
)
GROWING_MARK = (SQL + "advance_schedules.sql", "schedule.mark < step.mark)", "true)")

MUTANTS = (
    Mutant("kills", "an expired lease is taken back", (REAPER,)),
    Mutant(
        "kills",
        "leases are renewed",
        (
            ("pg_scheduler/engine/leases/lease_keeper.py", "            await renew()\n",
             "            await asyncio.sleep(0)\n"),
            ("pg_scheduler/engine/leases/reclaimer.py", "            await self._renew_own()\n", ""),
        ),
        1,
    ),
    Mutant(
        "pauses",
        "a completion names its epoch",
        (ANY_EPOCH,),
        6,
    ),
    Mutant(
        "races",
        "a lease is whole until its end",
        ((SQL + "reclaim_expired.sql", ") < :NOW\n        -- This server",
          ") < :NOW + interval '0.3 s'\n        -- This server"),),
    ),
    Mutant(
        "races",
        "a completion names its epoch",
        (ANY_EPOCH,),
    ),
    Mutant("pinned xmin", "a claim raises the epoch", (RAISED_EPOCH,)),
    Mutant(
        "SIGTERM",
        "what still runs in the end is released",
        (("pg_scheduler/engine/worker.py", "        await self._release_the_rest()\n", ""),),
    ),
    Mutant(
        "blocked loop",
        "leases are kept in a thread of their own",
        (("pg_scheduler/engine/leases/lease_keeper.py",
          "dedicated = None if self._clock.pinned() else self._driver.dedicated()", "dedicated = None"),),
    ),
    Mutant("held GIL", "a claim raises the epoch", (RAISED_EPOCH,)),
    Mutant(
        "poison pill",
        "a job has a crash budget",
        ((SQL + "reclaim_expired.sql", "WHEN job.crash_count + 1 >= :fatal_crash::integer THEN",
          "WHEN job.crash_count + 1 >= :fatal_crash::integer + 1000 THEN"),),
    ),
    Mutant(
        "hung jobs",
        "a timeout stops the attempt",
        (("pg_scheduler/engine/running/runner.py", "attempt.stop(StopReason.TIMEOUT)", "pass"),),
    ),
    Mutant(
        "worker clocks",
        "no rule depends on a worker's wall clock",
        (("pg_scheduler/engine/system_clock.py", "        return None\n",
          "        return datetime.now(UTC)\n"),),
    ),
    Mutant("database clock", "an expired lease is taken back", (REAPER,)),
    Mutant(
        "rolling deploy",
        "older code does not undo a newer schedule",
        (("pg_scheduler/domain/registration.py", "if wanted_hash in row.older_hashes and _lives(row, now):",
          "if False:"),),
    ),
    Mutant(
        "forks",
        "a forked worker is somebody else",
        (("pg_scheduler/engine/worker_host.py", "if self._process != os.getpid():", "if False:"),),
    ),
    Mutant(
        "held rows",
        "a row that was held up is left to its owner, who lives",
        ((SQL + "reclaim_expired.sql", "AND owner.lease_until >= :NOW\n",
          "AND owner.lease_until < '-infinity'\n"),),
    ),
    Mutant(
        "held rows",
        "progress passes held rows over",
        ((SQL + "note_progress.sql", "SKIP LOCKED", ""),),
    ),
    Mutant(
        "few connections",
        "leases are renewed over the pool that works",
        (ONE_WAY_TO_RENEW, NOT_RENEWED_AT_LAST),
    ),
    Mutant(
        "bad rows",
        "a claim is decoded row by row",
        ((ADAPTERS + "rows.py", "        except Exception:\n            reasons",
          "        except MemoryError:\n            reasons"),),
    ),
    Mutant(
        "renames",
        "a schedule inherits what another's key has come to",
        (("pg_scheduler/domain/succession.py", "parents = paired(heirs, predecessors)",
          "parents = paired(heirs, ())"),),
    ),
    Mutant(
        "clock set back",
        "a lane whose last start is still to come has had it just now",
        ((SQL + "claim_lanes.sql", "WHERE gates.claimed_at > :NOW",
          "WHERE false AND gates.claimed_at > :NOW"),),
    ),
    Mutant(
        "clock set back",
        "an epoch is a number of the time",
        (
            (ADAPTERS + "migrations/0005_rows.sql",
             "(\n        (pg_catalog.date_part('epoch', pg_catalog.now()) - 1735689600::double precision)\n"
             "        * 4096000::double precision\n    )::bigint", "0"),
            (FRAGMENTS + "lease_to_worker.sql", FRESH_EPOCH, "epoch = job.epoch + 1,"),
        ),
    ),
    Mutant(
        "clock set back",
        "a schedule whose mark lies in the future goes on when it is added again",
        (("pg_scheduler/domain/succession.py", "    if not is_ahead(mark, now):\n", "    if True:\n"),),
    ),
    Mutant("windows raced", "a step counts only if nobody moved the schedule", (PLANNED_FOR, GROWING_MARK)),
    Mutant(
        "windows, real",
        "the next window follows the one just run",
        ((
            "pg_scheduler/engine/schedules/stager.py",
            "return _step(record, spec, plan.mark, plan.next_window, jobs,",
          "return _step(record, spec, plan.mark, spec.next_after(now + spec.every), jobs,"),),
    ),
    Mutant("lagging process", "a step counts only if nobody moved the schedule", (PLANNED_FOR, GROWING_MARK)),
    Mutant(
        "24 h downtime",
        "catch-up makes as many jobs as its policy says",
        (("pg_scheduler/domain/catch_up.py",
          "spec.catch_up_limit if spec.catch_up is CatchUp.ALL else 1)", "spec.catch_up_limit)"),),
    ),
    Mutant(
        "migrators",
        "migrations run under a lock",
        (("adapters/pg_scheduler_postgres/migrations.py", "pg_catalog.pg_advisory_xact_lock($1::bigint)",
          "$1::bigint"),),
    ),
    Mutant(
        "fork bomb",
        "a stopping worker claims no more",
        (("pg_scheduler/engine/claiming/claimer.py", "        self._stopping = True\n", ""),),
    ),
    Mutant(
        "limits",
        "a lane gives no more than its limit",
        ((FRAGMENTS + "gates.sql", "tokens.concurrency - running.jobs,", "tokens.concurrency,"),),
    ),
)  # fmt: skip
"""Each scenario has at least one."""

HARNESS = Harness(module="tests.chaos", length_option="--minutes", usual=3.0, mutants=MUTANTS)


if __name__ == "__main__":
    sys.exit(run(HARNESS, sys.argv[1:], __doc__))
