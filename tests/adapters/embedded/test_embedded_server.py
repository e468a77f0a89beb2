"""The server that demos and tests run on leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import psutil

from pg_scheduler_embedded import EmbeddedServer
from pg_scheduler_embedded.server import FAST


def test_a_stopped_server_is_gone_when_stop_returns() -> None:
    server = EmbeddedServer(settings=FAST).start()
    folder = Path(server._data).parent
    (postmaster,) = (one for one in psutil.process_iter() if f"{folder}/data" in _command(one) and _runs(one))
    everybody = [postmaster, *postmaster.children(recursive=True)]
    server.stop()
    assert not [one for one in everybody if _runs(one)]
    assert not folder.exists()
    server.stop()


def _command(process: psutil.Process) -> list[str]:
    try:
        return [*process.cmdline()]
    except psutil.Error:
        return []


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
