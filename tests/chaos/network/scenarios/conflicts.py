"""The server is there and refuses: rolled back, overrun, full, read-only."""

from __future__ import annotations

from tests.chaos.network.plant import Plant
from tests.chaos.network.stage import Scenario

CODES = ("40001", "40P01", "55P03", "57014", "53100", "53200", "25006", "58030")
"""serialization failure, deadlock, lock timeout, cancelled, disk full, out of memory, read-only, I/O error"""

SHARE = 0.3
"""Of all statements that write."""

_TABLES = ("scheduled_jobs", "scheduled_job_workers", "scheduled_job_schedules", "scheduled_job_attempts")

_REFUSE = (
    "CREATE TABLE refusals (code text, share double precision)",
    "CREATE SEQUENCE refused",
    """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE told refusals;
    BEGIN
        SELECT * INTO told FROM refusals ORDER BY random() LIMIT 1;
        IF random() < told.share THEN
            PERFORM nextval('refused');
            RAISE EXCEPTION 'refused on purpose' USING ERRCODE = told.code;
        END IF;
        RETURN NULL;
    END $$
    """,
    *(
        f"CREATE TRIGGER refuse AFTER INSERT OR UPDATE OR DELETE ON {table}"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse()"
        for table in _TABLES
    ),
)


async def refusals(plant: Plant, size: int) -> None:
    """Submissions, claims, verdicts, renewals, windows and deletions fail by SQLSTATE, by chance."""
    await plant.begin_windows()
    for statement in _REFUSE:
        await plant.sql(statement)
    await plant.sql("INSERT INTO refusals SELECT unnest($1::text[]), $2", CODES, SHARE)
    for _ in range(5 * size):
        await plant.submit_whatever_comes(20)
    await plant.sql("DELETE FROM refusals")
    (row,) = await plant.sql("SELECT last_value FROM refused")
    plant.faults += row["last_value"]
    await plant.end_windows()
    await plant.all_settled()


SCENARIOS = (Scenario("refusals", "statements fail by SQLSTATE, by chance", refusals, lease=6.0),)
