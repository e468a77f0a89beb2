"""A primary and its synchronous replica, and Patroni, which decides who leads."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg

from pg_scheduler_embedded.server import _free_port, _unprivileged
from tests.chaos.patroni.valve import Valve
from tests.support.cluster import SETTINGS, Cluster, ClusterServer, missing_for_cluster
from tests.support.databases import versions_to_test

PROGRAMS = {name: shutil.which(name) for name in ("patroni", "etcd")}
PATIENCE = 90.0
"""Seconds until Patroni has done what it has to."""
TTL, LOOP, RETRY = 20, 1, 3
"""Seconds, the least that Patroni takes: how long a silent leader stays one, and how it looks and tries."""


def missing_for_patroni() -> str | None:
    """Why it cannot be played here; None if it can."""
    missing = [name for name, program in PROGRAMS.items() if program is None]
    if missing:
        return f"{', '.join(missing)} not found (Debian: apt-get install patroni python3-etcd etcd-server)"
    return missing_for_cluster()


def _until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            if what():
                return
        except (OSError, psycopg.Error):
            pass
        if time.monotonic() > deadline:
            raise TimeoutError("Patroni has not done it")
        time.sleep(0.02)


class Node(ClusterServer):
    """One server, started and led by a Patroni of its own."""

    def __init__(self, name: str, etcd: int, version: int) -> None:
        super().__init__(version, {})
        self.name = name
        self._make_room()
        self.to_etcd = Valve(etcd)
        self.for_workers = Valve(self.port)
        self.rest = _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def _config(self) -> dict[str, Any]:
        roles = {role: {"username": "postgres"} for role in ("superuser", "replication", "rewind")}
        settings = {name: value.strip("'") for name, value in SETTINGS.items()}
        return {
            "scope": "jobs",
            "name": self.name,
            "restapi": {"listen": f"127.0.0.1:{self.rest}", "connect_address": f"127.0.0.1:{self.rest}"},
            "etcd3": {"host": f"127.0.0.1:{self.to_etcd.port}"},
            "bootstrap": {
                "dcs": {
                    "ttl": TTL, "loop_wait": LOOP, "retry_timeout": RETRY, "synchronous_mode": True,
                    "postgresql": {"use_pg_rewind": True, "parameters": settings},
                },
                "initdb": [{"encoding": "UTF8"}, {"auth": "trust"}, {"locale": "C"}],
            },
            "postgresql": {
                "listen": f"127.0.0.1:{self.port}",
                "connect_address": f"127.0.0.1:{self.port}",
                "data_dir": str(self._data),
                "bin_dir": str(self.binaries.folder),
                "pgpass": str(self._data.parent / "pgpass"),
                "authentication": roles,
                "parameters": {"unix_socket_directories": str(self._data.parent)},
                "pg_hba": [
                    "host all all 127.0.0.1/32 trust", "local all all trust",
                    "host replication all 127.0.0.1/32 trust",
                ],
            },
        }  # fmt: skip

    def lead_or_follow(self) -> None:
        """Start its Patroni."""
        config = self._data.parent / "patroni.json"
        config.write_text(json.dumps(self._config()))
        identity = _unprivileged() if os.geteuid() == 0 else {}
        environment = {"PATH": f"{self.binaries.folder}:/usr/bin:/bin", "HOME": str(self._data.parent)}
        with (self._data.parent / "patroni.log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(PROGRAMS["patroni"]), str(config)], stdout=log, stderr=log, cwd="/",
                start_new_session=True, env=environment, **identity,
            )  # fmt: skip

    def kill(self) -> None:
        """Patroni and its server are gone from one moment to the next."""
        if self._process is None:
            return
        for pid in (self._process.pid, self._postmaster()):
            if pid is not None:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        self._process.wait()
        self._process = None

    def _postmaster(self) -> int | None:
        try:
            return int((self._data / "postmaster.pid").read_text().splitlines()[0])
        except (OSError, IndexError, ValueError):
            return None

    @property
    def leads(self) -> bool:
        """Whether it accepts writes."""
        return bool(self.sql("SELECT NOT pg_is_in_recovery()")[0][0])

    def stop(self) -> None:
        if self._folder is None:
            return
        self.kill()
        self.to_etcd.end()
        self.for_workers.end()
        super().stop()


class PatroniCluster(Cluster):
    """As a `Cluster`, but whoever leads was chosen by Patroni; workers come through valves."""

    primary: Node
    replica: Node

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="etcd-"))
        self._etcd: subprocess.Popen[bytes] | None = None
        self._etcd_port = _free_port()
        self._version = versions_to_test()[0]
        self.whole = False

    def start(self) -> PatroniCluster:
        try:
            self._start_etcd()
            self.primary = Node("one", self._etcd_port, self._version)
            self.replica = Node("two", self._etcd_port, self._version)
            self.primary.lead_or_follow()
            _until(lambda: self.primary.leads)
            self.replica.lead_or_follow()
            self._replicate()
        except BaseException:
            self.stop()
            raise
        return self

    def _start_etcd(self) -> None:
        peer = _free_port()
        clients, peers = f"http://127.0.0.1:{self._etcd_port}", f"http://127.0.0.1:{peer}"
        with (self._folder / "log").open("wb") as log:
            self._etcd = subprocess.Popen(
                [
                    str(PROGRAMS["etcd"]), "--data-dir", str(self._folder / "data"),
                    "--listen-client-urls", clients, "--advertise-client-urls", clients,
                    "--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers,
                    "--initial-cluster", f"default={peers}",
                ],
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

        def there() -> bool:
            with urllib.request.urlopen(f"{clients}/health", timeout=2) as answer:
                return b"true" in answer.read()

        _until(there)

    def _replicate(self) -> None:
        _until(
            lambda: bool(
                self.primary.sql(
                    "SELECT count(*) = 1 FROM pg_stat_replication"
                    " WHERE state = 'streaming' AND sync_state IN ('sync', 'quorum')"
                )[0][0]
            )
        )
        self.whole = True

    def dsn_of(self, database: str, **parameters: str) -> str:
        nodes = sorted((self.primary, self.replica), key=lambda node: node.name)
        hosts = ",".join(f"127.0.0.1:{node.for_workers.port}" for node in nodes)
        wanted = {"target_session_attrs": "read-write", "sslmode": "disable", **parameters}
        query = "&".join(f"{name}={value}" for name, value in wanted.items())
        return f"postgresql://postgres@{hosts}/{database}?{query}"

    def crash(self) -> None:
        self.primary.kill()

    def promote(self) -> None:
        """Return when the other one leads."""
        _until(lambda: self.replica.leads)
        self.primary, self.replica = self.replica, self.primary
        self.whole = False

    def switch_over(self) -> None:
        wanted = json.dumps({"leader": self.primary.name, "candidate": self.replica.name}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.primary.rest}/switchover", wanted, {"content-type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            answer.read()
        self.promote()
        self._replicate()

    def rejoin(self) -> None:
        """The one that is gone comes back, and Patroni rewinds it."""
        self.replica.lead_or_follow()
        self._replicate()

    def keep_workers_out(self) -> None:
        """Workers do not reach the primary any more; it and Patroni know nothing of it."""
        self.primary.for_workers.cut()

    def isolate(self) -> None:
        """Neither workers nor etcd reach the primary any more."""
        self.primary.for_workers.cut()
        self.primary.to_etcd.cut()

    def reunite(self) -> None:
        """All ways are open."""
        for node in (self.primary, self.replica):
            node.for_workers.open()
            node.to_etcd.open()

    def stop(self) -> None:
        for name in ("primary", "replica"):
            if hasattr(self, name):
                getattr(self, name).stop()
        if self._etcd is not None:
            self._etcd.kill()
            self._etcd.wait()
            self._etcd = None
        shutil.rmtree(self._folder, ignore_errors=True)
