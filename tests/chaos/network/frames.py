"""As much of PostgreSQL's wire protocol as a proxy needs: where a message ends, and what it is about."""

from __future__ import annotations

import struct
from collections.abc import Iterator

SSL_REQUEST, GSS_REQUEST, CANCEL_REQUEST = 80877103, 80877104, 80877102
"""Codes that stand in the place of the protocol version in a first message."""
NOTIFICATION = b"A"
READY = b"Z"
"""The server has done, and committed, what it was asked, and waits for more."""


class Frames:
    """Cuts a stream into messages: one byte of kind, four of length, the body."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Whole messages, as kind and raw bytes; the beginning of another is kept for later."""
        self._rest += data
        while len(self._rest) >= 5:
            end = 1 + struct.unpack_from("!i", self._rest, 1)[0]
            if len(self._rest) < end:
                return
            message, self._rest = self._rest[:end], self._rest[end:]
            yield message[:1], message


class Asked:
    """What a client asks its server to execute, by the text of the statement, also of prepared ones."""

    def __init__(self) -> None:
        self._prepared: dict[bytes, str] = {}

    def text_of(self, kind: bytes, message: bytes) -> str | None:
        """The SQL that this message makes the server run; None for a message that runs nothing."""
        body = message[5:]
        if kind == b"Q":
            return body.rstrip(b"\0").decode(errors="replace")
        if kind == b"P":
            name, _, rest = body.partition(b"\0")
            self._prepared[name] = rest.partition(b"\0")[0].decode(errors="replace")
        elif kind == b"B":
            _portal, _, rest = body.partition(b"\0")
            return self._prepared.get(rest.partition(b"\0")[0])
        return None


def first_message(data: bytes) -> tuple[int, bytes, bytes] | None:
    """The code and bytes of a client's first message, and what follows it; None while it is incomplete."""
    if len(data) < 8:
        return None
    length, code = struct.unpack_from("!ii", data)
    return (code, data[:length], data[length:]) if len(data) >= length else None
