"""Against Prometheus itself, where its programs are found (Debian: `apt-get install prometheus`)."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import signal
import socket
import subprocess
import urllib.parse
import urllib.request
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from pg_scheduler import Scheduler
from pg_scheduler_cli.health_server import TEXT, Answer, HealthServer
from pg_scheduler_prometheus import DatabaseMetrics, WorkerMetrics
from pg_scheduler_prometheus.exposition import of_one
from tests.support.running import eventually

pytestmark = pytest.mark.slow
FILES = resources.files("pg_scheduler_prometheus").joinpath("files")
JOBS = 200


def found(program: str) -> str:
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"{program} is not installed (Debian: apt-get install prometheus)")
    return path


@pytest.fixture
def library() -> str:
    return "asyncpg"


def test_the_alert_rules_are_valid() -> None:
    promtool = found("promtool")
    done = subprocess.run(
        [promtool, "check", "rules", str(FILES.joinpath("alerts.yaml"))], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_metric_of_the_dashboard_and_the_alerts_is_one_that_there_is() -> None:
    package = resources.files("pg_scheduler_prometheus")
    known = "".join(package.joinpath(f"{name}.py").read_text() for name in ("families", "database_metrics"))
    for file in ("alerts.yaml", "dashboard.json"):
        text = FILES.joinpath(file).read_text()
        names = set(re.findall(r"\bpg_scheduler_\w+(?=[{\[ )=,])", text)) - {"pg_scheduler"}
        assert names
        for name in names:
            assert re.sub(r"_(total|bucket)$", "", name) in known, (file, name)
    assert json.loads(FILES.joinpath("dashboard.json").read_text())["title"] == "pg_scheduler"


async def test_it_scrapes_two_workers_and_the_database_through_a_burst(dsn: str, tmp_path: Path) -> None:
    program = found("prometheus")
    counted = [WorkerMetrics(None), WorkerMetrics(None)]
    workers = [Scheduler(dsn, 5, observers=[one]) for one in counted]
    for worker in workers:
        worker.register(_work, name="work")
    for worker in workers:
        await worker.start()
    of_database = DatabaseMetrics(workers[0].driver, workers[0].clock)
    loop = asyncio.get_running_loop()

    def database() -> Answer:
        asyncio.run_coroutine_threadsafe(of_database.refresh(), loop).result(10)
        return Answer(200, of_one(of_database), TEXT)

    def served(collector: WorkerMetrics) -> HealthServer:
        return HealthServer({"/metrics": lambda: Answer(200, of_one(collector), TEXT)}, port=0)

    servers = [served(one) for one in counted] + [HealthServer({"/metrics": database}, port=0)]
    for server in servers:
        server.__enter__()
    port = _free_port()
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(FILES.joinpath("alerts.yaml"))],
        "scrape_configs": [
            {
                "job_name": "pg_scheduler",
                "static_configs": [{"targets": [f"127.0.0.1:{server.port}" for server in servers]}],
            }
        ],
    }
    (tmp_path / "prometheus.yml").write_text(json.dumps(config))  # JSON is YAML
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(  # noqa: ASYNC220 - it starts at once
            [program, f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data",
             f"--web.listen-address=127.0.0.1:{port}"],
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        await workers[0].client.pause_task("work", True)
        await asyncio.gather(*(workers[0].enqueue(_work) for _ in range(JOBS)))
        await eventually(lambda: _value(port, 'sum(pg_scheduler_jobs{status="due",task="work"})') == JOBS, 60)
        assert _value(port, 'pg_scheduler_workers{state="working"}') == 2
        await workers[0].client.pause_task("work", False)
        await eventually(
            lambda: _value(port, 'sum(pg_scheduler_attempts_total{outcome="completed"})') == JOBS, 60
        )
        assert _value(port, "sum(pg_scheduler_lag_seconds_count)") == JOBS
        assert _value(port, "count(pg_scheduler_worker_up == 1)") == 2
        rules = _asked(port, "/api/v1/rules")["groups"][0]["rules"]
        await eventually(
            lambda: all(
                rule["health"] == "ok" for rule in _asked(port, "/api/v1/rules")["groups"][0]["rules"]
            ),
            60,
        )
        assert len(rules) >= 8
    finally:
        process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(process.wait, 30)
        for server in servers:
            server.__exit__(None, None, None)
        for worker in workers:
            await worker.shutdown()


def _asked(port: int, path: str) -> Any:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as response:
        return json.loads(response.read())["data"]


def _value(port: int, query: str) -> float | None:
    try:
        result = _asked(port, f"/api/v1/query?query={urllib.parse.quote(query)}")["result"]
    except OSError:
        return None
    return float(result[0]["value"][1]) if result else None


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


async def _work() -> None:
    await asyncio.sleep(0.001)
