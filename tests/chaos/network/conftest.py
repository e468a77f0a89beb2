"""A proxy before the test's database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from pg_scheduler_embedded import EmbeddedServer
from tests.chaos.network.proxy import TcpProxy


@pytest.fixture
async def proxy(server: EmbeddedServer) -> AsyncIterator[TcpProxy]:
    """Passes everything on until told otherwise."""
    async with TcpProxy("127.0.0.1", server.port) as made:
        yield made


@pytest.fixture
def proxied(proxy: TcpProxy, dsn: str) -> str:
    """The DSN of the test's database through the proxy."""
    return proxy.dsn(dsn)
