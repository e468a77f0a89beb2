"""Peers are started in environments of their own, and workers in both languages say the same lines."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

from benchmarks.__main__ import main
from benchmarks.crew import crew_of
from benchmarks.frame import Database
from benchmarks.parts import PARTS
from benchmarks.parts.peers import left_out
from benchmarks.peers import GRAPHILE, PEERS, PG_BOSS, PGQUEUER, Installed, Peer, at_hand
from benchmarks.peers.environments import PROGRAMS, Node, Unavailable, bare, run

PYTHON_PROGRAM = """
from benchmarks.peers.roles import play, send_when_told, store_when_told

async def nothing(*_): pass

async def single(settings): await store_when_told(settings["jobs"], 3, nothing)

async def send(settings): await send_when_told(nothing)

play({"single": single, "send": send})
"""
NODE_PROGRAM = """
import { Progress, main, sendWhenTold, storeAll } from "./progress.mjs";

const nothing = async () => {};

async function single({ jobs }) {
  const progress = new Progress();
  await progress.untilTold(() => storeAll(progress, jobs, 3, nothing));
}

await main({ single, send: () => sendWhenTold(nothing) });
"""
NOWHERE = Database("none", "", "")

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="needs node")


@pytest.fixture(params=["python", pytest.param("node", marks=needs_node)])
def command(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, ...]:
    """A worker that stores nothing anywhere."""
    if request.param == "python":
        (tmp_path / "program.py").write_text(PYTHON_PROGRAM)
        return (sys.executable, str(tmp_path / "program.py"))
    shutil.copy(PROGRAMS / "progress.mjs", tmp_path)
    (tmp_path / "program.mjs").write_text(NODE_PROGRAM)
    return ("node", str(tmp_path / "program.mjs"))


def test_a_worker_of_either_language_tells_its_progress_on_the_clock_that_all_share(
    command: tuple[str, ...],
) -> None:
    async def told() -> dict[str, Any]:
        async with crew_of(NOWHERE, command, [{"role": "single", "jobs": 7}]) as gang:
            gang.go()
            await gang.finish(7)
        (member,) = gang.members
        assert member.process.returncode == 0
        return member.said

    begin = time.monotonic()
    said = asyncio.run(told())
    assert said["done"] == 7
    assert begin < said["first"] <= said["last"] < time.monotonic()
    assert said["cpu"] >= 0


def test_a_producer_of_either_language_stores_one_job_for_each_line(command: tuple[str, ...]) -> None:
    async def told() -> list[dict[str, Any]]:
        heard = []
        async with crew_of(NOWHERE, command, [{"role": "send"}]) as gang:
            (member,) = gang.members
            for number in (1, 2):
                member.tell(b"one\n")
                await gang.finish(number)
                heard.append(dict(member.said))
        assert member.process.returncode == 0
        return heard

    first, second = asyncio.run(told())
    assert (first["done"], second["done"]) == (1, 2)
    assert first["called"] <= first["returned"] < second["called"] <= second["returned"]


def test_a_program_that_only_checks_imports_says_nothing(command: tuple[str, ...]) -> None:
    assert asyncio.run(run(*command, json.dumps({"role": "check"}))) == ""


# --- environments


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The temporary folder of this test."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path / "pg_scheduler_peers"


def test_each_peer_is_started_in_its_own_environment(temporary: Path) -> None:
    commands = {peer: peer.environment.command(peer.name, peer.program) for peer in (PGQUEUER, PG_BOSS)}
    assert commands == {
        PGQUEUER: (str(temporary / "pgqueuer/bin/python"), "-m", "benchmarks.peers.pgqueuer_worker"),
        PG_BOSS: ("node", str(temporary / "pg-boss/pg_boss_worker.mjs")),
    }


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_the_program_of_each_peer_is_there(peer: Peer) -> None:
    program = peer.program if isinstance(peer.environment, Node) else f"{peer.program}.py"
    assert (PROGRAMS / program).is_file()


@pytest.mark.parametrize("package", ["pg-boss@12", "pg-boss[x]", "pg-boss==12", "pg-boss"])
def test_the_version_shown_is_that_of_the_first_package(package: str) -> None:
    assert bare(package) == "pg-boss"


NPM = """#!/bin/sh
echo "$@" >> {log}
mkdir -p {modules}/pg-boss && echo '{{"version": "12.3"}}' > {modules}/pg-boss/package.json
exit {code}
"""


@pytest.fixture
def npm(temporary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Puts a program in npm's place that installs a package of ours, or fails."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    log = tmp_path / "npm.log"

    def put(code: int = 0) -> Path:
        text = NPM.format(log=log, modules=temporary / "pg-boss" / "node_modules", code=code)
        for name, script in {"npm": text, "node": "#!/bin/sh\nexit 0\n"}.items():
            program = tmp_path / "bin" / name
            program.write_text(script)
            program.chmod(0o755)
        return log

    return put


def test_packages_of_npm_are_installed_once_and_leave_no_lock_file(npm: Any, temporary: Path) -> None:
    log = npm()
    (first,), missing = asyncio.run(at_hand((PG_BOSS,)))
    (second,), _ = asyncio.run(at_hand((PG_BOSS,)))
    assert (first.name, first.command, missing) == ("pg-boss 12.3", second.command, {})
    (line,) = log.read_text().splitlines()
    assert "--no-package-lock" in line
    assert line.endswith("pg-boss@12")
    assert (temporary / "pg-boss" / PG_BOSS.program).exists()
    asyncio.run(Node(("pg-boss@13",)).prepare("pg-boss"))
    assert log.read_text().splitlines()[1].endswith("pg-boss@13")


def test_a_peer_that_npm_cannot_install_is_left_out_and_tried_again(
    npm: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    log = npm(code=1)
    found, missing = asyncio.run(at_hand((PG_BOSS,)))
    assert (found, missing) == ([], {"pg-boss": "npm install --prefix: exit 1"})
    assert "without pg-boss: npm install --prefix: exit 1" in capsys.readouterr().err
    npm(code=0)
    found, missing = asyncio.run(at_hand((PG_BOSS,)))
    assert ([one.name for one in found], missing) == (["pg-boss 12.3"], {})
    assert len(log.read_text().splitlines()) == 2


def test_an_environment_that_lost_its_packages_is_left_out_with_what_to_do(npm: Any, temporary: Path) -> None:
    npm()
    asyncio.run(at_hand((PG_BOSS,)))
    shutil.rmtree(temporary / "pg-boss" / "node_modules")
    _, missing = asyncio.run(at_hand((PG_BOSS,)))
    assert missing["pg-boss"] == f"{temporary / 'pg-boss'} is not whole any more, remove it"


@pytest.mark.parametrize("lacking", ["node", "npm"])
def test_without_node_or_npm_the_table_says_so(
    lacking: str, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None if name == lacking else name)
    found, missing = asyncio.run(at_hand((GRAPHILE, PG_BOSS)))
    assert found == []
    assert left_out(missing, 4) == [
        ("graphile-worker", f"left out: {lacking} is not installed", None, None),
        ("pg-boss", f"left out: {lacking} is not installed", None, None),
    ]


def test_a_peer_whose_program_does_not_start_is_left_out(npm: Any, tmp_path: Path) -> None:
    npm()
    (tmp_path / "bin" / "node").write_text("#!/bin/sh\nexit 3\n")
    found, missing = asyncio.run(at_hand((PG_BOSS,)))
    assert found == []
    assert missing["pg-boss"].endswith("exit 3")


def test_a_command_that_does_not_exist_is_named() -> None:
    with pytest.raises(Unavailable, match="no-such-program"):
        asyncio.run(run("no-such-program"))


def test_a_slower_peer_gets_fewer_jobs_but_one() -> None:
    slow = Installed(Peer("slow", GRAPHILE.environment, "slow.mjs", "none", fewer=10), "1", ("slow",))
    assert [slow.jobs(usual) for usual in (100, 5)] == [10, 1]


# --- the parts


def test_the_parts_say_what_peers_keep_and_that_they_only_run_when_named() -> None:
    parts = [part for part in PARTS.values() if not part.by_default and part.name != "questions"]
    assert [part.name for part in parts] == ["peers", "peers-enqueue", "peers-latency"]
    assert all("Only when named" in part.reading for part in parts)
    assert "graphile-worker deletes\nfinished jobs" in PARTS["peers"].reading
    assert all(peer.name in PARTS["peers"].summary for peer in PEERS)


@pytest.mark.slow
def test_ours_fills_its_rows_where_no_peer_can_be_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nobody(*_: object) -> tuple[list[Installed], dict[str, str]]:
        return [], {"pg-boss": "node is not installed"}

    for module in ("peers", "peers_enqueue", "peers_latency"):
        monkeypatch.setattr(f"benchmarks.parts.{module}.at_hand", nobody)
    file = tmp_path / "figures.json"
    named = ["peers", "peers-enqueue", "peers-latency"]
    assert main([*named, "--scale", "0.01", "--library", "psycopg", "--json", str(file)]) == 0
    found = json.loads(file.read_text())["parts"]
    rows = {part: found[part][0]["rows"] for part in named}
    assert {part: len(filled) for part, filled in rows.items()} == {
        "peers": 5,
        "peers-enqueue": 4,
        "peers-latency": 3,
    }
    for filled in rows.values():
        assert filled[-1]["queue"] == "pg-boss"
        assert "left out: node is not installed" in filled[-1].values()
