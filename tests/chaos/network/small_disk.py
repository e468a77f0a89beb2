"""A server whose disk is a small tmpfs, and what fills it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pg_scheduler_embedded import EmbeddedServer

MEGABYTES = 192
SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    # The log must not be what fills the disk first: that would be a crash, not a refusal.
    "min_wal_size": "32MB",
    "max_wal_size": "48MB",
    "checkpoint_timeout": "30s",
    "autovacuum": "off",
}
_FILLER = "filler"


def missing() -> str | None:
    """Why there can be no such disk here; None if there can."""
    if os.geteuid() != 0 or not shutil.which("mount"):
        return "only root may mount a tmpfs"
    try:
        with _tmpfs(1):
            return None
    except subprocess.CalledProcessError:
        return "no tmpfs can be mounted here"


@contextmanager
def _tmpfs(megabytes: int) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="small-disk-"))
    try:
        command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0755", "tmpfs", str(folder)]
        subprocess.run(command, check=True, capture_output=True)
        try:
            yield folder
        finally:
            subprocess.run(["umount", "-l", str(folder)], check=True, capture_output=True)
    finally:
        folder.rmdir()


@contextmanager
def server_on_a_small_disk() -> Iterator[EmbeddedServer]:
    """Started; disk and all are gone afterwards."""
    with _tmpfs(MEGABYTES) as folder:
        before, tempfile.tempdir = tempfile.tempdir, str(folder)
        try:
            server = EmbeddedServer(settings=SETTINGS).start()
        finally:
            tempfile.tempdir = before
        try:
            yield server
        finally:
            server.stop()


def disk_of(server: EmbeddedServer) -> Path:
    """Where the disk is mounted."""
    return server._data.parent.parent


def fill(server: EmbeddedServer) -> None:
    """Leave no byte free."""
    with suppress(OSError), (disk_of(server) / _FILLER).open("ab") as file:  # it may be full already
        while True:
            file.write(b"x" * 65536)
            file.flush()


def free(server: EmbeddedServer) -> None:
    """Somebody has acted."""
    (disk_of(server) / _FILLER).unlink(missing_ok=True)
