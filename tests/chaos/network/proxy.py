"""A TCP proxy before a PostgreSQL server that does what networks do, on request and while it runs.

The DSN of its users must say ``sslmode=disable``: it reads along.
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum

from tests.chaos.network.frames import (
    CANCEL_REQUEST,
    GSS_REQUEST,
    NOTIFICATION,
    READY,
    SSL_REQUEST,
    Asked,
    Frames,
    first_message,
)


class Loss(StrEnum):
    """What happens to a statement that is lost."""

    REPLY = "reply"
    """The server does it and commits; its answer is swallowed and the connection reset."""
    QUERY = "query"
    """It never reaches the server, and the connection is reset."""
    SILENCE = "silence"
    """The server does it; from then on nothing passes, and nobody is told."""


@dataclass(slots=True)
class Trap:
    """Waits for a statement whose text matches."""

    pattern: re.Pattern[str]
    loss: Loss
    left: int
    """How many more times it snaps."""
    snapped: int = 0
    hit: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once it has snapped for the first time, and the server has done the statement where it should."""

    def takes(self, text: str) -> bool:
        """True, and counted, if this statement is to be lost."""
        if self.left <= 0 or not self.pattern.search(text):
            return False
        self.left -= 1
        self.snapped += 1
        return True


class Link:
    """One connection through the proxy."""

    def __init__(self, proxy: TcpProxy, client: asyncio.StreamWriter) -> None:
        self._proxy = proxy
        self._client = client
        self._server: asyncio.StreamWriter | None = None
        self._asked = Asked()
        self._caught: Trap | None = None
        self._is_cancel = False
        self.statements: list[str] = []
        """The latest texts that passed."""
        self.silent = False
        """True: nothing passes any more in either direction, and neither side is told."""
        self.passed = {"up": 0, "down": 0}
        """Bytes towards the server, and back."""

    @property
    def listens(self) -> bool:
        """True if this connection has sent a LISTEN."""
        return any(text.lstrip().upper().startswith("LISTEN") for text in self.statements)

    async def run(self, reader: asyncio.StreamReader) -> None:
        """Pass messages on until one side or a fault ends it."""
        try:
            upstream, self._server = await asyncio.open_connection(*self._proxy.target)
            first = await self._greet(reader)
            if first is None:
                return
            await self._send("up", first)
            pumps = {
                asyncio.create_task(self._pump(reader, "up")),
                asyncio.create_task(self._pump(upstream, "down")),
            }
            try:
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
                if self.silent:
                    await asyncio.Event().wait()
            finally:
                for pump in pumps:
                    pump.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)
        except OSError:
            pass
        finally:
            # One side has ended it: the other is told as a network tells, unless a fault has reset both.
            for writer in (self._client, self._server):
                if writer is not None:
                    writer.close()

    async def _greet(self, reader: asyncio.StreamReader) -> bytes | None:
        data = b""
        while True:
            more = await reader.read(65536)
            if not more:
                return None
            data += more
            if (found := first_message(data)) is None:
                continue
            code, _, rest = found
            if code not in (SSL_REQUEST, GSS_REQUEST):
                self._is_cancel = code == CANCEL_REQUEST
                return data
            self._client.write(b"N")
            data = rest

    async def _pump(self, reader: asyncio.StreamReader, way: str) -> None:
        frames = Frames()
        while data := await reader.read(65536):
            if self._proxy.delay:
                await asyncio.sleep(self._proxy.delay)
            if self._is_cancel:
                await self._send(way, data)
                continue
            for kind, message in frames.feed(data):
                if kind == NOTIFICATION and way == "down" and self._proxy.lose_notifications:
                    continue
                if not (self._upward(kind, message) if way == "up" else self._downward(kind)):
                    return
                await self._send(way, message)
        if self.silent:
            await asyncio.Event().wait()

    def _upward(self, kind: bytes, message: bytes) -> bool:
        text = self._asked.text_of(kind, message)
        if text is None:
            return True
        self.statements = [*self.statements[-20:], text]
        for trap in self._proxy.traps:
            if self._caught is None and trap.takes(text):
                if trap.loss is Loss.QUERY:
                    trap.hit.set()
                    self.reset()
                    return False
                self._caught = trap
        return True

    def _downward(self, kind: bytes) -> bool:
        """Whether the server's message may pass. Of a caught statement none does, and at its end the
        connection is reset: by then the server has committed."""
        if self._caught is None or kind != READY:
            return True
        self._caught.hit.set()
        if self._caught.loss is Loss.SILENCE:
            self.silent = True
        else:
            self.reset()
        return False

    async def _send(self, way: str, data: bytes) -> None:
        if self.silent or (way == "down" and self._caught is not None):
            return
        writer = self._server if way == "up" else self._client
        assert writer is not None
        limit = self._proxy.cut_after.get(way)
        if limit is not None and self.passed[way] + len(data) > limit:
            writer.write(data[: max(limit - self.passed[way], 0)])
            with suppress(OSError):
                await writer.drain()
            self.reset()
            self._proxy.cut_in.append(self.statements[-1] if self.statements else "")
            raise ConnectionResetError("cut")
        self.passed[way] += len(data)
        writer.write(data)
        await writer.drain()

    def reset(self) -> None:
        """End both sides with a TCP reset. Legal twice."""
        for writer in (self._client, self._server):
            if writer is not None and not writer.is_closing():
                sock = writer.get_extra_info("socket")
                with suppress(OSError):
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()


class TcpProxy:
    """Listens on a free port of the loopback address and passes everything on, until told otherwise."""

    def __init__(self, host: str, port: int) -> None:
        self.target = (host, port)
        self.delay = 0.0
        """Seconds by which everything is late."""
        self.cut_after: dict[str, int] = {}
        """Bytes after which a connection is reset, by way: "up" or "down"."""
        self.cut_in: list[str] = []
        """The latest statement of each connection that was cut so."""
        self.lose_notifications = False
        """True: what others NOTIFY does not arrive."""
        self.swallow_new = False
        """True: new connections are accepted and never answered, as by a firewall that drops."""
        self.traps: list[Trap] = []
        self.links: set[Link] = set()
        self.port = 0
        self._running: dict[asyncio.Task[None], Link] = {}
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> TcpProxy:
        await self.accept()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.refuse()
        tasks = list(self._running)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def dsn(self, direct: str) -> str:
        """The DSN of the same database through this proxy."""
        head, _, database = direct.rpartition("/")
        user = head.rpartition("@")[0]
        return f"{user}@127.0.0.1:{self.port}/{database}?sslmode=disable"

    async def accept(self) -> None:
        """Take connections, from the second time on at the same port."""
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """Take no new connection: clients are refused, as by a server that is not there."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = Link(self, writer)
        task = asyncio.current_task()
        assert task is not None
        self.links.add(link)
        self._running[task] = link
        try:
            if self.swallow_new:
                link.silent = True
                await asyncio.Event().wait()
            await link.run(reader)
        except asyncio.CancelledError:
            pass  # the proxy ends, or heals: nobody waits for this task
        finally:
            link.reset()
            self.links.discard(link)
            self._running.pop(task, None)

    def lose(self, pattern: str, loss: Loss = Loss.REPLY, times: int = 1) -> Trap:
        """Lose the next statements whose text matches."""
        trap = Trap(re.compile(pattern, re.IGNORECASE | re.DOTALL), loss, times)
        self.traps.append(trap)
        return trap

    def silence(self, which: Callable[[Link], bool] = lambda link: True) -> int:
        """Let nothing more through on these connections, without a FIN; how many there are."""
        chosen = [link for link in self.links if which(link)]
        for link in chosen:
            link.silent = True
        return len(chosen)

    def reset(self, which: Callable[[Link], bool] = lambda link: True) -> int:
        """Reset these connections; how many there were."""
        chosen = [link for link in self.links if which(link)]
        for link in chosen:
            link.reset()
        return len(chosen)

    def partition(self) -> None:
        """Cut the users off: silence on what is open, silence for what is new."""
        self.swallow_new = True
        self.silence()

    def heal(self) -> None:
        """The network works again. What was silenced is reset, as by a firewall that has forgotten it."""
        self.swallow_new = False
        for task, link in list(self._running.items()):
            if link.silent:
                link.reset()
                task.cancel()
