"""The server is there and refuses: rolled back, overrun, full, read-only."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from tests.chaos.network.plant import TASK, Plant
from tests.chaos.network.stage import Scenario

CODES = ("40001", "40P01", "55P03", "57014", "53100", "53200", "25006", "58030")
"""serialization failure, deadlock, lock timeout, cancelled, disk full, out of memory, read-only, I/O error"""

_TABLES = ("scheduled_jobs", "scheduled_job_workers", "scheduled_job_schedules", "scheduled_job_attempts")

_REFUSE = """
    CREATE TABLE IF NOT EXISTS refusals (code text, share double precision);
    CREATE SEQUENCE IF NOT EXISTS refused;
    CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE told refusals;
    BEGIN
        SELECT * INTO told FROM refusals ORDER BY random() LIMIT 1;
        IF random() < told.share THEN
            PERFORM nextval('refused');
            RAISE EXCEPTION 'refused on purpose' USING ERRCODE = told.code;
        END IF;
        RETURN NULL;
    END $$;
"""


async def refusals(plant: Plant, size: int) -> None:
    """Submissions, claims, verdicts, renewals, windows and deletions fail by SQLSTATE, by chance."""
    await plant.members[0].scheduler.add_schedule(
        TASK, key="windows", every=timedelta(seconds=1), args=(1,), overlap="allow", catch_up="all"
    )
    await plant.sql("SELECT setseed(0.5)")
    for statement in _REFUSE.split(";\n    CREATE OR REPLACE")[0].split(";"):
        await plant.sql(statement)
    await plant.sql("CREATE OR REPLACE" + _REFUSE.partition("CREATE OR REPLACE")[2])
    for table in _TABLES:
        await plant.sql(
            f"CREATE TRIGGER refuse AFTER INSERT OR UPDATE OR DELETE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse()"
        )
    await plant.sql("INSERT INTO refusals SELECT unnest($1::text[]), 0.3", CODES)
    await plant.submit_directly_whatever_comes(40 * size, 20)
    for _ in range(10 * size):
        await plant.submit_directly_whatever_comes(20, 1)
        await asyncio.sleep(0.3)
    await plant.sql("DELETE FROM refusals")
    (row,) = await plant.sql("SELECT last_value FROM refused")
    plant.faults += row["last_value"]
    await plant.members[0].scheduler.pause_schedule("windows")
    rows = await plant.sql("SELECT job_id FROM scheduled_jobs WHERE schedule_key = 'windows'")
    plant.planned += [row["job_id"] for row in rows]
    await plant.all_settled()


SCENARIOS = (Scenario("refusals", "statements fail by SQLSTATE, by chance", refusals, lease=6.0),)
