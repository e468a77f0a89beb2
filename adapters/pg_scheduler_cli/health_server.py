"""`pgq run --health-port`: answers a supervisor's questions from a thread, whatever the event loop does."""

from __future__ import annotations

import http.client
import json
import logging
import socket
import socketserver
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from pg_scheduler_cli.errors import Failure

log: logging.Logger = logging.getLogger("pg_scheduler.cli.health")

JSON, TEXT = "application/json", "text/plain; version=0.0.4; charset=utf-8"
REQUEST_PATIENCE = 10.0
"""Seconds for which a client may take its time."""


class Answer(NamedTuple):
    """To one request."""

    status: int
    body: bytes
    kind: str = JSON


Page = Callable[[], Answer]


def verdict(good: bool, text: str, **more: Any) -> Answer:
    """200 or 503, and why."""
    body = {"ok": good, "text": text} | more
    return Answer(200 if good else 503, json.dumps(body).encode() + b"\n")


class HealthServer:
    """Serves pages by path, at a port of every address or at a socket in the file system, as a block.

    Raises:
        Failure: the port is taken.
    """

    def __init__(
        self, pages: Mapping[str, Page], *, port: int | None = None, path: Path | None = None
    ) -> None:
        handler = _handler_of(pages)
        try:
            self._server = _InFiles(str(path), handler) if path else _AtPort(("", port or 0), handler)
        except OSError as error:
            raise Failure(f"--health-port {port}: {error.strerror or error}") from error
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, name="health", daemon=True
        )

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self._server.socket.getsockname()[1]
        return port

    def __enter__(self) -> HealthServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


class _AtPort(ThreadingHTTPServer):
    daemon_threads = True


class _InFiles(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


def _handler_of(pages: Mapping[str, Page]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = REQUEST_PATIENCE
        server_version = "pgq"
        sys_version = ""

        def do_GET(self) -> None:
            page = pages.get(self.path.partition("?")[0])
            try:
                answer = verdict(False, "no such page")._replace(status=404) if page is None else page()
            except Exception:
                log.exception("a page of the health port failed")
                answer = verdict(False, "this page failed; the log says why")._replace(status=500)
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.kind)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)

        do_HEAD = do_GET  # noqa: N815 - the name is http.server's

        def address_string(self) -> str:
            return "a process" if isinstance(self.client_address, str) else str(self.client_address[0])

        def log_message(self, format: str, *args: Any) -> None:
            log.debug("%s: %s", self.address_string(), format % args)

    return Handler


class _ByFile(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def answer_at(path: Path, page: str, timeout: float) -> Answer:
    """What a server says whose socket lies there."""
    connection = _ByFile(path, timeout)
    try:
        connection.request("GET", page)
        response = connection.getresponse()
        return Answer(response.status, response.read(), response.getheader("Content-Type", JSON))
    except (OSError, http.client.HTTPException) as error:
        return verdict(False, f"the process does not answer: {str(error) or type(error).__name__}")
    finally:
        connection.close()
