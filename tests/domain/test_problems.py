"""What counts as a problem, from facts alone."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pg_scheduler.domain.cluster_facts import (
    ClusterFacts,
    DueJobs,
    FailedLately,
    FullGate,
    LateSchedule,
    RetiredSchedule,
)
from pg_scheduler.domain.limits import OF_QUEUES
from pg_scheduler.domain.problems import NAMED_OF_A_KIND, Severity, problems
from pg_scheduler.domain.problems_of_server import schema_problem
from pg_scheduler.domain.schedule import ScheduleSpec
from pg_scheduler.domain.server_facts import OpenTransaction, ServerFacts, TableFacts
from pg_scheduler.domain.shell import quoted
from pg_scheduler.domain.workers import WorkerProfile, WorkerRecord, WorkerState, WorkerWish

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
EVERY_MINUTE = ScheduleSpec(every=timedelta(minutes=1)).text()


def ago(**age: float) -> datetime:
    return NOON - timedelta(**age)


def worker(worker_id: str = "w1", **facts: Any) -> WorkerRecord:
    """One that lives, listens and knows "mail" and "sms", serving all queues."""
    profile = WorkerProfile(
        facts.pop("tasks", ("mail", "sms")), facts.pop("only", None), facts.pop("queues", None), 5
    )
    usual: dict[str, Any] = {"state": WorkerState.WORKING, "listening": True, "profile": profile}
    return WorkerRecord(worker_id, "host", 7, NOON, NOON, **(usual | facts))


def found(*workers: WorkerRecord, **facts: Any) -> list[tuple[str, str]]:
    """Codes and severities, the worst first."""
    return told(ClusterFacts(NOON, workers or (worker(),), **facts))


def told(cluster: ClusterFacts | None, server: ServerFacts | None = None) -> list[tuple[str, str]]:
    return [(one.code, str(one.severity)) for one in problems(cluster, server)]


def due(task: str = "mail", queue: str = "default", **age: float) -> tuple[DueJobs, ...]:
    return (DueJobs(queue, task, ago(**age)),)


QUIET = worker("w2", wish=WorkerWish.QUIET)
LATE = {"key": LateSchedule("key", "mail", EVERY_MINUTE, ago(seconds=60))}


@pytest.mark.parametrize(
    ("workers", "facts", "expected"),
    [
        ((), {}, []),
        ((), {"due": due(seconds=299)}, []),
        ((), {"due": due(minutes=5)}, [("backlog", "warning")]),
        ((), {"due": due("mial", seconds=59)}, []),
        ((), {"due": due("mial", seconds=60)}, [("unclaimed", "error")]),
        ((worker(profile=None),), {"due": due("mial", seconds=60)}, []),
        ((worker(only=("sms",)),), {"due": due(seconds=60)}, [("unclaimed", "error")]),
        ((worker(queues={"bulk": None}),), {"due": due(seconds=60)}, [("not_served", "error")]),
        ((worker(queues={"bulk": None}),), {"due": due(queue="bulk", seconds=60)}, []),
        ((), {"due": due(seconds=299), "paused_tasks": {"mail": ago(hours=9)}}, [("paused", "notice")]),
        ((), {"due": due(minutes=5), "paused_tasks": {"mail": ago(hours=9)}}, [("paused", "warning")]),
        ((), {"due": due(minutes=5), "paused_queues": {"default": ago(hours=9)}}, [("paused", "warning")]),
        (
            (),
            {"due": due(hours=9), "paused_queues": {"other": ago(hours=9)}},
            [("backlog", "warning"), ("paused", "notice")],
        ),
        ((), {"failing": (FailedLately("mail", 4, 0),)}, []),
        ((), {"failing": (FailedLately("mail", 5, 0),)}, [("failing", "error")]),
        ((), {"failing": (FailedLately("mail", 5, 4),)}, [("failing", "warning")]),
        ((), {"failing": (FailedLately("mail", 5, 5),)}, []),
        ((), {"full": (FullGate("mail", "k", ago(minutes=9)),)}, []),
        ((), {"full": (FullGate("mail", "k", ago(minutes=10)),)}, [("lane_full", "warning")]),
        (
            (),
            {"due": due(minutes=10), "full": (FullGate(OF_QUEUES, "default", ago(minutes=10)),)},
            [("lane_full", "warning")],
        ),
        ((), {"lost": 1, "lost_since": ago(seconds=59)}, []),
        ((), {"lost": 1, "lost_since": ago(seconds=60)}, [("lost", "error")]),
        ((worker(alive=False),), {}, [("silent_worker", "warning"), ("no_workers", "notice")]),
        ((worker(alive=False, running=1),), {}, [("no_workers", "error"), ("silent_worker", "warning")]),
        ((QUIET,), {"due": due(seconds=0)}, [("no_workers", "error"), ("quiet_worker", "notice")]),
        ((worker(listening=False),), {}, [("not_listening", "notice")]),
        ((worker(), worker("w2", listening=False)), {}, [("not_listening", "warning")]),
        ((worker(clock_ahead=timedelta(seconds=1.9)),), {}, []),
        ((worker(clock_ahead=timedelta(seconds=-2)),), {}, [("clock", "warning")]),
        ((), {"late": (LATE["key"],)}, [("schedule_late", "warning")]),
        ((), {"late": (replace(LATE["key"], next_window=ago(seconds=59)),)}, []),
        ((), {"late": (replace(LATE["key"], next_window=None),)}, []),
        ((), {"late": (replace(LATE["key"], task_name="mial"),)}, [("schedule_late", "error")]),
        ((), {"late": (replace(LATE["key"], spec="{}"),)}, [("schedule_unreadable", "error")]),
        ((), {"retired": (RetiredSchedule("old", "mail", ago(hours=23)),)}, [("schedule_retired", "notice")]),
        ((), {"retired": (RetiredSchedule("old", "mail", ago(hours=24)),)}, []),
    ],
)
def test_a_fact_is_a_problem_from_its_threshold_on(
    workers: tuple[WorkerRecord, ...], facts: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert found(*workers, **facts) == expected


SOUND = ServerFacts(
    version=180_001, version_text="18.1", database="shop", role="worker", sees_others=True, may_not=(),
    in_recovery=False,
    fsync=True, synchronous_commit="on", autovacuum=True, connections=10, connections_at_most=100,
    transactions=(), tables=(TableFacts("scheduled_jobs", 10, 50_000, 1, None),),
)  # fmt: skip
OPEN = OpenTransaction(7, "psql", "ada", "idle in transaction", timedelta(minutes=9), pins=True, holds=0)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"version": 120_022}, [("server_version", "error")]),
        ({"in_recovery": True}, [("read_only", "error")]),
        ({"may_not": ("UPDATE on scheduled_jobs",)}, [("rights", "notice")]),
        ({"sees_others": False}, [("rights", "notice")]),
        ({"fsync": False}, [("fsync", "error")]),
        ({"synchronous_commit": "off"}, [("synchronous_commit", "warning")]),
        ({"autovacuum": False}, [("autovacuum", "warning")]),
        ({"connections": 90}, [("connections", "warning")]),
        ({"tables": (TableFacts("jobs", 50_001, 50_001, 1, None),)}, []),
        ({"tables": (TableFacts("jobs", 50_000, 50_001, 1, None),)}, [("bloat", "warning")]),
        ({"transactions": (OPEN,)}, []),
        ({"transactions": (replace(OPEN, open_for=timedelta(minutes=10)),)}, [("pinned_xmin", "warning")]),
        ({"transactions": (replace(OPEN, holds=3),)}, [("held_jobs", "warning")]),
        (
            {"transactions": (replace(OPEN, pid=None, holds=3, open_for=timedelta(minutes=10)),)},
            [("held_jobs", "error")],
        ),
    ],
)  # fmt: skip
def test_a_server_is_judged_by_what_it_says(changes: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert told(None, replace(SOUND, **changes)) == expected


def test_the_worst_comes_first_and_a_flood_is_counted() -> None:
    many = tuple(DueJobs("default", f"unknown-{n}", ago(hours=1)) for n in range(1_000))
    told = problems(ClusterFacts(NOON, (worker(listening=False),), due=many))
    assert [one.severity for one in told] == [Severity.ERROR] * (NAMED_OF_A_KIND + 1) + [Severity.NOTICE]
    assert told[NAMED_OF_A_KIND].text == f"{1_000 - NAMED_OF_A_KIND} more of this kind"


@pytest.mark.parametrize(
    ("running", "other", "words"),
    [
        (0, None, "no job was left in it"),
        (1, None, "1 job that ran there wait"),
        (3, worker("w2"), "3 jobs that ran there are taken back by others"),
    ],
)
def test_what_became_of_the_jobs_of_a_silent_worker_is_said(
    running: int, other: WorkerRecord | None, words: str
) -> None:
    silent = worker(alive=False, running=running)
    found = problems(ClusterFacts(NOON, (silent, other) if other else (silent,)))
    assert words in next(one.text for one in found if one.code == "silent_worker")


HOSTILE = "$(touch /tmp/x); `id` 'q' \"w\" -rf"


@pytest.mark.parametrize("name", [HOSTILE, f"-{HOSTILE}", "--yes"])
def test_a_command_can_be_copied_whatever_a_name_holds(name: str) -> None:
    gates = (FullGate(name, "", ago(hours=1)), FullGate(OF_QUEUES, name, ago(hours=1)))
    late = (LateSchedule(name, name, EVERY_MINUTE, ago(hours=1)),)
    facts = ClusterFacts(
        NOON, (worker(queues={"bulk": None}),), full=gates, late=late, failing=(FailedLately(name, 9, 0),),
        due=(*due(name, name, hours=1), *due("mail", name + "2", hours=1)),
        paused_tasks={name + "3": NOON}, paused_queues={name + "4": NOON},
    )  # fmt: skip
    quiet = ClusterFacts(NOON, (worker(name, wish=WorkerWish.QUIET),))
    found = (*problems(facts), *problems(quiet))
    assert {one.code for one in found} >= {
        "unclaimed", "not_served", "paused", "lane_full", "failing", "schedule_late", "quiet_worker",
    }  # fmt: skip
    for one in found:
        for command in (one.fix or "").split("pgq ")[1:]:
            words = shlex.split(command.partition("; until")[0])
            named = [word for word in words if word.startswith(name)]
            assert len(named) == 1, command
            if name.startswith("-"):
                assert words[words.index(named[0]) - 1] in ("--", "--task", "--queue"), command


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize("name", ["a\nb", "\x1b[2J'\\", "\u202ex", HOSTILE, "ä", ""])
def test_a_shell_reads_a_quoted_name_as_it_is(name: str) -> None:
    assert quoted(name).isprintable()
    said = subprocess.run(
        ["bash", "-c", f"printf %s {quoted(name)}"],
        capture_output=True,
        env={"LC_ALL": "C.UTF-8"},
        check=True,
    )
    assert said.stdout.decode() == name


def test_a_name_that_nobody_knows_is_told_with_the_nearest_one() -> None:
    (one,) = problems(ClusterFacts(NOON, (worker(),), due=due("mial", hours=1)))
    assert "the nearest name that one knows is 'mail'" in one.text


@pytest.mark.parametrize(
    ("version", "latest", "missing", "severity"),
    [(0, 3, ("table x",), "error"), (2, 3, (), "error"), (3, 3, ("table x",), "error"), (4, 3, (), "notice")],
)
def test_tables_that_are_not_what_the_code_brings_are_a_problem(
    version: int, latest: int, missing: tuple[str, ...], severity: str
) -> None:
    one = schema_problem("public", version, latest, missing)
    assert one is not None
    assert (one.code, str(one.severity)) == ("schema", severity)


def test_tables_as_the_code_brings_them_are_none() -> None:
    assert schema_problem("public", 3, 3, ()) is None
