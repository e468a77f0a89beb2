"""Serves the dashboard by itself: what `pgq web` does."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address

import uvicorn

from pg_scheduler.domain.errors import ConfigurationError
from pg_scheduler.queries import Queries
from pg_scheduler.scheduler import Scheduler
from pg_scheduler_web.dashboard import dashboard
from pg_scheduler_web.doors import Door, OneTimeLink

GRACE = 2
"""Seconds that open streams have at the end."""


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches it."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


class Served:
    """A dashboard at an address of its own.

    Raises:
        ConfigurationError: a link that works once goes with an address of this machine alone.
    """

    def __init__(
        self, source: Scheduler | Queries, door: Door, *, host: str, port: int, root_path: str = ""
    ) -> None:
        if isinstance(door, OneTimeLink) and not is_loopback(host):
            raise ConfigurationError(
                f"{host} can be reached from elsewhere: give --user and --password-hash, or --behind-proxy "
                "HEADER; or serve it at 127.0.0.1"
            )
        self._door, self._host, self._port = door, host, port
        app = door.before(dashboard(source, auth=door.auth))
        self._server = _Quiet(
            uvicorn.Config(
                app, host=host, port=port, root_path=root_path.rstrip("/"), log_level="warning",
                access_log=False, server_header=False, lifespan="off", timeout_graceful_shutdown=GRACE,
                proxy_headers=False,
            )
        )  # fmt: skip
        self._root_path = root_path.rstrip("/")

    @property
    def url(self) -> str:
        """Where it is; with the token, if there is one. The port is known once it serves."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        token = self._door.token if isinstance(self._door, OneTimeLink) else None
        return f"http://{host}:{self._port}{self._root_path}/" + (f"?token={token}" if token else "")

    async def run(self, on_ready: Callable[[], None] = lambda: None) -> None:
        """Serve until cancelled or `stop`.

        Raises:
            ConfigurationError: the address cannot be used.
        """
        listening = self._bound()
        self._port = listening.getsockname()[1]
        serving = asyncio.ensure_future(self._server.serve(sockets=[listening]))
        try:
            while not (self._server.started or serving.done()):
                await asyncio.sleep(0.01)
            if self._server.started:
                on_ready()
            await asyncio.shield(serving)
        finally:
            self.stop()
            await serving
            listening.close()

    def stop(self) -> None:
        """End it, soon."""
        self._server.should_exit = True

    def _bound(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        made = socket.socket(family)
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind((self._host, self._port))
        except OSError as error:
            made.close()
            raise ConfigurationError(f"{self._host}:{self._port} cannot be used: {error.strerror}") from error
        return made


class _Quiet(uvicorn.Server):
    """Leaves signals to whoever runs it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """None are."""
        yield
