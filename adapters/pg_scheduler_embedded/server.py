"""One PostgreSQL server in a temporary folder."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from pg_scheduler.domain.errors import ConfigurationError
from pg_scheduler_embedded.binaries import Binaries, find_binaries, make_passable, make_runnable

_UNPRIVILEGED = "nobody"

FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""Settings for data that nobody misses: quick, and unsafe only if the machine itself fails."""


class EmbeddedServer:
    """Starts on a free port of the loopback address, and removes its data when stopped.

    Args:
        version: major version; the newest to be had by default.
        settings: lines for postgresql.conf, e.g. ``{"max_connections": "200"}``.
    """

    def __init__(self, version: int | None = None, settings: Mapping[str, str] | None = None) -> None:
        self.binaries: Binaries = find_binaries(version)
        self._settings = dict(settings or {})
        self._folder: Path | None = None
        self.port = 0

    @property
    def version(self) -> int:
        """Major version."""
        return self.binaries.version

    @property
    def dsn(self) -> str:
        """A connection string for the `postgres` database over TCP."""
        return self.dsn_of("postgres")

    def dsn_of(self, database: str) -> str:
        """A connection string for another database."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def start(self) -> EmbeddedServer:
        """Create the data folder and start; ready for connections when this returns. If it raises (Ctrl-C
        included), nothing is left behind."""
        try:
            self._create()
            self.start_again()
        except BaseException:
            self.stop()
            raise
        return self

    def _create(self) -> None:
        self._make_room()
        self._run("initdb", "-D", str(self._data), "-U", "postgres", "-A", "trust", "-E", "UTF8",
                  "--no-locale", "--no-sync")  # fmt: skip
        self._configure()

    def _make_room(self) -> None:
        """A folder, not yet with data, and a port."""
        self._folder = Path(tempfile.mkdtemp(prefix="pgs-"))
        if os.geteuid() == 0:
            make_runnable(self.binaries.folder)
            make_passable(self._folder.parent)
            shutil.chown(self._folder, _UNPRIVILEGED)
        self.port = _free_port()

    def _configure(self) -> None:
        """What counts from the next start on; of several values the last."""
        lines = {
            "listen_addresses": "'127.0.0.1'",
            "port": str(self.port),
            "unix_socket_directories": f"'{self._data.parent}'",
            "max_connections": "200",
            "shared_buffers": "'256MB'",
            **self._settings,
        }
        with (self._data / "postgresql.conf").open("a") as config:
            config.writelines(f"{name} = {value}\n" for name, value in lines.items())

    def start_again(self) -> None:
        """Start after `halt`, with the same data and port."""
        self._run("pg_ctl", "-D", str(self._data), "-l", str(self._log), "-w", "-t", "60", "start")

    def halt(self, mode: str = "fast") -> None:
        """Stop but keep the data. Mode "fast" ends sessions cleanly, "immediate" is a crash."""
        self._run("pg_ctl", "-D", str(self._data), "-m", mode, "-w", "-t", "60", "stop")

    def restart(self, mode: str = "fast") -> None:
        """Halt and start again."""
        self.halt(mode)
        self.start_again()

    def stop(self) -> None:
        """Stop and remove the data. Legal before start, and twice."""
        if self._folder is None:
            return
        folder, self._folder = self._folder, None
        pid_file = folder / "data" / "postmaster.pid"
        if pid_file.exists():
            try:
                os.kill(int(pid_file.read_text().splitlines()[0]), signal.SIGQUIT)
            except (OSError, IndexError):
                pass  # it ended by itself, or never came far enough to write its number
            else:
                _wait_until_gone(pid_file)
        shutil.rmtree(folder, ignore_errors=True)

    @property
    def _data(self) -> Path:
        if self._folder is None:
            raise ConfigurationError("the embedded server is not started")
        return self._folder / "data"

    @property
    def _log(self) -> Path:
        return self._data.parent / "server.log"

    def _run(self, program: str, *arguments: str) -> None:
        identity = _unprivileged() if os.geteuid() == 0 else {}
        # To a file, not a pipe: the server inherits it and would keep a pipe open for ever.
        with tempfile.TemporaryFile("w+") as output:
            process = subprocess.Popen(
                [self.binaries.folder / program, *arguments],
                stdout=output,
                stderr=subprocess.STDOUT,
                **identity,
                cwd="/",
                start_new_session=True,
            )
            try:
                code = process.wait()
            except BaseException:
                # initdb has children that would go on writing into a folder that is being removed.
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                raise
            if code:
                output.seek(0)
                log = self._log.read_text()[-2000:] if self._log.exists() else ""
                raise ConfigurationError(f"{program} failed ({code}): {output.read()}\n{log}")

    def __enter__(self) -> EmbeddedServer:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def _wait_until_gone(pid_file: Path, seconds: float = 10.0) -> None:
    """Return when a server that was told to end has removed its pid file, which is the last thing it does.

    The process itself tells nothing: pg_ctl's child is nobody's to wait for, and stays a zombie where the
    machine's first process reaps none.
    """
    deadline = time.monotonic() + seconds
    while pid_file.exists() and time.monotonic() < deadline:
        time.sleep(0.01)


def _unprivileged() -> dict[str, Any]:
    """User and groups to run as instead of root: the groups too, or root's would go on deciding."""
    entry = pwd.getpwnam(_UNPRIVILEGED)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
