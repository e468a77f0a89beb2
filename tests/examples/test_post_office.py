"""The files that run a worker elsewhere agree with the commands, and with each other."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pg_scheduler.domain.version import VERSION
from pg_scheduler_cli.worker_pages import LIVE, METRICS, READY
from tests.docs.pages import ROOT
from tests.docs.test_commands_exist import _check_pgq, _check_pip
from tests.examples.running import EXAMPLES, free_port, get, running, said

FOLDER = EXAMPLES / "post_office"
DOCKERFILE = (FOLDER / "Dockerfile").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))["services"]
OBJECTS: dict[str, Any] = {
    one["kind"]: one for one in yaml.safe_load_all((FOLDER / "kubernetes.yaml").read_text(encoding="utf-8"))
}
UNIT = (FOLDER / "post-office.service").read_text(encoding="utf-8")
LEFT_FOR_THE_END = 30
"""Seconds that a worker may take after its grace: see the guide Deploying."""


def _instruction(name: str) -> Any:
    (found,) = re.findall(rf"^{name} (.+)$", DOCKERFILE, re.MULTILINE)
    return json.loads(found) if found.startswith("[") else found


def _container(kind: str) -> Any:
    (found,) = OBJECTS[kind]["spec"]["template"]["spec"]["containers"]
    return found


def _directive(name: str) -> str:
    (found,) = re.findall(rf"^{name}=(.+)$", UNIT, re.MULTILINE)
    return str(found)


WORKERS = {
    "Dockerfile": (_instruction("CMD"), COMPOSE["worker"]["stop_grace_period"]),
    "kubernetes.yaml": (
        _container("Deployment")["args"],
        OBJECTS["Deployment"]["spec"]["template"]["spec"]["terminationGracePeriodSeconds"],
    ),
    "post-office.service": (shlex.split(_directive("ExecStart"))[1:], _directive("TimeoutStopSec")),
}
"""How each starts a worker, and for how long it lets it end."""


def _commands() -> Iterator[list[str]]:
    yield from (command for command, _ in WORKERS.values())
    yield from (service["command"] for service in COMPOSE.values() if "command" in service)
    yield _container("Job")["args"]
    yield shlex.split(_directive("ExecStartPre"))[1:]


def _option(command: list[str], name: str) -> str:
    return command[command.index(name) + 1]


def _seconds(grace: object) -> float:
    return float(str(grace).removesuffix("s"))


@pytest.mark.parametrize("command", list(_commands()), ids=" ".join)
def test_each_starts_a_command_that_there_is(command: list[str]) -> None:
    _check_pgq([*command])


@pytest.mark.parametrize("file", WORKERS)
def test_a_worker_is_given_longer_than_it_gives_its_jobs(file: str) -> None:
    command, grace = WORKERS[file]
    assert _seconds(grace) >= float(_option(command, "--shutdown-timeout")) + LEFT_FOR_THE_END


def test_all_ask_the_pages_of_the_worker_at_its_port() -> None:
    (port,) = {_option(command, "--health-port") for command, _ in WORKERS.values()}
    (asked,) = re.findall(r"http://127\.0\.0\.1:(\d+)(/\w+)", DOCKERFILE)
    assert (asked, _instruction("EXPOSE")) == ((port, LIVE), port)
    worker = _container("Deployment")
    (named,) = worker["ports"]
    assert named["containerPort"] == int(port)
    probes = {name: worker[name]["httpGet"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert {probe["port"] for probe in probes.values()} == {named["name"]}
    assert [probe["path"] for probe in probes.values()] == [LIVE, LIVE, READY]
    annotations = OBJECTS["Deployment"]["spec"]["template"]["metadata"]["annotations"]
    assert annotations["prometheus.io/port"] == port
    assert METRICS == "/metrics"  # where Prometheus looks unless it is told otherwise
    (published,) = COMPOSE["dashboard"]["ports"]
    assert published.split(":")[-1] == _option(COMPOSE["dashboard"]["command"], "--port")


def test_what_belongs_together_is_called_the_same() -> None:
    labels = OBJECTS["Deployment"]["spec"]["template"]["metadata"]["labels"]
    for kind in ("Deployment", "PodDisruptionBudget"):
        assert OBJECTS[kind]["spec"]["selector"]["matchLabels"] == labels
    assert _container("Job")["image"] == _container("Deployment")["image"]
    pod = OBJECTS["Deployment"]["spec"]["template"]["spec"]
    assert str(pod["securityContext"]["runAsUser"]) == _instruction("USER")
    assert COMPOSE["worker"]["image"] == COMPOSE["tables"]["image"] == "post-office"
    for service in COMPOSE.values():
        assert set(service.get("depends_on", ())) <= set(COMPOSE)


def test_the_image_installs_this_program_and_no_earlier_one_of_its_name() -> None:
    required = (FOLDER / "requirements.txt").read_text(encoding="utf-8").strip()
    assert re.fullmatch(rf"pg-scheduler\[[a-z,]+\]>={re.escape(VERSION)}", required)
    for extra in re.split(r"[\[\],]", required)[1:-1]:
        _check_pip(["install", f"pg-scheduler[{extra}]>={VERSION}"])
    copied = re.findall(r"^COPY (?!--from)(\S+) \S+$", DOCKERFILE, re.MULTILINE)
    kept = re.findall(r"^!(.+)$", (FOLDER / ".dockerignore").read_text(encoding="utf-8"), re.MULTILINE)
    assert {name.rstrip("/") for name in copied} == set(kept)


def test_what_the_page_shows_is_in_the_files() -> None:
    page = (ROOT / "docs/guides/containers.md").read_text(encoding="utf-8")
    sources = {
        "dockerfile": DOCKERFILE,
        "yaml": "\n".join((FOLDER / name).read_text("utf-8") for name in ("compose.yaml", "kubernetes.yaml")),
        "ini": UNIT,
    }
    shown = re.findall(r"^```(dockerfile|yaml|ini)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert {language for language, _ in shown} == set(sources)
    for language, text in shown:
        there = {line.strip() for line in sources[language].splitlines()}
        assert {line.strip() for line in text.splitlines()} <= there


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "post-office.service"
    unit.write_text(UNIT.replace("/srv/post/.venv/bin/pgq", sys.executable).replace("/srv/post", "/"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


LETTER = """
import asyncio
from post_office import deliver, main

async def send():
    scheduler = main()
    handle = await deliver.using(scheduler=scheduler).enqueue("Ada")
    print(await handle.result(timeout=30))
    await scheduler.shutdown()

asyncio.run(send())
"""


@pytest.mark.slow
def test_the_command_of_the_image_serves_and_ends_well(dsn: str) -> None:
    pgq, port = ("-m", "pg_scheduler_cli"), str(free_port())
    said("post_office", dsn, *pgq, *COMPOSE["tables"]["command"])
    said("post_office", dsn, *pgq, "check", "post_office:main")
    command = [port if word == "8081" else word for word in _instruction("CMD")]
    with running("post_office", dsn, *pgq, *command) as worker:
        assert "delivered to Ada" in said("post_office", dsn, "-c", LETTER)
        assert all(get(f"http://127.0.0.1:{port}{page}") for page in (LIVE, READY, METRICS))
    assert worker.returncode == 0
