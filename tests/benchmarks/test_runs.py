"""The benchmarks run and fill their tables. What they measure is never asserted."""

from __future__ import annotations

import asyncio
import json
import time
from functools import partial
from pathlib import Path
from uuid import RFC_4122, UUID

import pytest

from benchmarks import loop
from benchmarks.__main__ import main
from benchmarks.crew import Crew, Drained
from benchmarks.drains import BEST, drained, reference_drained
from benchmarks.figures import percentile
from benchmarks.frame import Bench, Database, Table, joined
from benchmarks.parts import PARTS
from benchmarks.printing import as_text
from benchmarks.reference import new_id
from benchmarks.rounds import interleaved, median_ratio
from benchmarks.server import bench_server, prepare
from benchmarks.statements import count_within
from pg_scheduler_embedded import EmbeddedServer


@pytest.mark.slow
def test_the_latency_part_fills_its_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "figures.json"
    assert main(["latency", "--scale", "0.01", "--json", str(file)]) == 0
    latency, idle = json.loads(file.read_text())["parts"]["latency"]
    assert [(row["library"], row["figure"].split()[0]) for row in latency["rows"]] == [
        (library, figure)
        for library in ("asyncpg", "psycopg")
        for figure in ("start", "the", "start", "start", "bare", "bare")
    ]
    assert [(row["library"], row["idle seconds"] > 0) for row in idle["rows"]] == [
        ("asyncpg", True),
        ("psycopg", True),
    ]
    printed = capsys.readouterr().out
    assert latency["title"] in printed
    assert "bare NOTIFY" in printed


ROWS = {
    "enqueue": 13,
    "drain": 6,
    "watched": 3,
    "engine": 2,
    "idle": 2,
    "backlog": 4,
    "history": 3,
    "periodic": 2,
}
"""How many each part has with one library, at a scale where a few combinations stand for all."""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_part_fills_its_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "figures.json"
    assert main([*ROWS, "--scale", "0.002", "--library", "asyncpg", "--json", str(file)]) == 0
    found = json.loads(file.read_text())["parts"]
    assert {part: [len(table["rows"]) for table in tables] for part, tables in found.items()} == {
        part: [rows] for part, rows in ROWS.items()
    }
    rates = [row for part in ROWS for table in found[part] for row in table["rows"] if "jobs/s" in row]
    assert all(row["jobs/s"] > 0 for row in rates)
    references = [row for row in rates if "reference loop" in row.values()]
    assert {row["of reference"] for row in references} == {1.0}
    printed = capsys.readouterr().out
    assert all(PARTS[part].reading in printed for part in ROWS)


TABLES = {"fleet": [2, 2, 2], "pinned": [3, 2], "queues": [2, 4], "lanes": [2, 2, 2]}
"""How many rows each table of these has."""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_part_with_several_tables_fills_them(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    assert main([*TABLES, "--scale", "0.002", "--library", "asyncpg", "--json", str(file)]) == 0
    found = json.loads(file.read_text())["parts"]
    assert {part: [len(table["rows"]) for table in tables] for part, tables in found.items()} == TABLES


@pytest.mark.slow
def test_a_drain_by_psycopg_counts_every_job_and_its_cost() -> None:
    async def measured(server: EmbeddedServer) -> tuple[Drained, Drained]:
        await prepare(server)
        bench = Bench(server, "psycopg")
        return await drained(bench, 300, BEST, processes=2), await reference_drained(bench, 300)

    with bench_server() as server:
        for found in loop.run(measured(server)):
            assert found.jobs == 300
            assert found.seconds > 0
            assert found.worker_cpu > 0


def test_workers_that_stand_still_are_reported_by_what_they_have_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("benchmarks.crew.STILL_PATIENCE", 0.01)
    gang = Crew([], Database("none", "", ""))
    with pytest.raises(RuntimeError, match="stand still at 0 of 3 jobs"):
        asyncio.run(gang.finish(3))


def test_what_is_compared_takes_turns() -> None:
    turns: list[str] = []

    async def measured(name: str) -> int:
        turns.append(name)
        return len(turns)

    found = asyncio.run(interleaved(2, {name: partial(measured, name) for name in ("ours", "theirs")}))
    assert turns == ["ours", "theirs", "ours", "theirs"]
    assert found == {"ours": [1, 3], "theirs": [2, 4]}
    assert median_ratio([1, 8, 3], [2, 4, 4]) == 0.75


def test_ids_of_the_reference_are_time_ordered_uuids() -> None:
    made = UUID(new_id())
    assert (made.version, made.variant) == (7, RFC_4122)
    assert abs((made.int >> 80) / 1000 - time.time()) < 60


def test_everything_is_measured_once_at_a_small_scale_and_as_often_as_asked() -> None:
    server = bench_server()  # not started
    assert [Bench(server, "asyncpg", scale).rounds for scale in (0.5, 1)] == [1, 3]
    assert Bench(server, "asyncpg", 0.5, repeats=5).rounds == 5


def test_a_part_that_does_not_exist_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["latancy"])
    assert "no part 'latancy'; there are: enqueue, drain, latency" in capsys.readouterr().err


@pytest.mark.parametrize(("percent", "expected"), [(1, 1), (50, 2), (51, 3), (75, 3), (99, 4), (100, 4)])
def test_a_percentile_is_a_sample_that_so_many_do_not_exceed(percent: float, expected: float) -> None:
    assert percentile([3, 1, 4, 2], percent) == expected


def test_only_statements_within_the_windows_count() -> None:
    assert count_within([0.5, 1.0, 1.5, 2.0, 3.5], [(1.0, 2.0), (3.0, 4.0)]) == 3


def test_tables_of_one_title_are_joined_by_library() -> None:
    one, other = (Table("t", ("figure", "ms"), [("a", value)]) for value in (1.0, 2.0))
    (table,) = joined([("asyncpg", one), ("psycopg", other)])
    assert as_text(table).splitlines() == [
        "t",
        "-",
        "library  figure    ms",
        "asyncpg  a       1.00",
        "psycopg  a       2.00",
    ]
