"""PgBouncer in transaction mode before a server, where the machine has it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAM = shutil.which("pgbouncer", path=os.environ.get("PATH", "") + os.pathsep + "/usr/sbin")

_CONFIG = """
[databases]
* = host=127.0.0.1 port={server_port} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 10
"""


@contextmanager
def bouncer(server_port: int) -> Iterator[int]:
    """The port of a running PgBouncer that knows all databases of a server."""
    assert PROGRAM is not None
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="bouncer-"))
    config = folder / "pgbouncer.ini"
    config.write_text(_CONFIG.format(server_port=server_port, port=port))
    folder.chmod(0o755)
    # It refuses to run as root.
    user = "nobody" if os.geteuid() == 0 else None
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([PROGRAM, str(config)], stdout=log, stderr=log, user=user)
    try:
        yield port
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)
