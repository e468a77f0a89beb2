"""The benchmarks run and fill their tables. What they measure is never asserted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.figures import percentile
from benchmarks.frame import Table, joined
from benchmarks.printing import as_text
from benchmarks.statements import count_within


@pytest.mark.slow
def test_the_latency_part_fills_its_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "figures.json"
    assert main(["latency", "--scale", "0.01", "--json", str(file)]) == 0
    latency, idle = json.loads(file.read_text())["parts"]["latency"]
    assert [(row["library"], row["figure"].split()[0]) for row in latency["rows"]] == [
        (library, figure)
        for library in ("asyncpg", "psycopg")
        for figure in ("start", "start", "start", "bare")
    ]
    assert [(row["library"], row["idle seconds"] > 0) for row in idle["rows"]] == [
        ("asyncpg", True),
        ("psycopg", True),
    ]
    printed = capsys.readouterr().out
    assert latency["title"] in printed
    assert "bare NOTIFY" in printed


def test_a_part_that_does_not_exist_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["latancy"])
    assert "no part 'latancy'; there are: latency" in capsys.readouterr().err


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
