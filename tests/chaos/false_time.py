"""A wall clock that the harness moves, for processes that are started with it: workers, or the server.

The shim is compiled when it is first wanted; where there is no C compiler or no preloading, `NoFalseTime`
says so and the scenario reports that it could not be played.
"""

from __future__ import annotations

import mmap
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SOURCE = Path(__file__).with_name("false_time.c")


class NoFalseTime(Exception):
    """This machine cannot do it."""


class FalseTime:
    """An offset in seconds from the true time, in a file that the processes map."""

    def __init__(self, folder: Path) -> None:
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None or not sys.platform.startswith("linux"):
            raise NoFalseTime("no C compiler on Linux")
        # The server runs as somebody else where the harness runs as root.
        folder.chmod(0o755)
        self._shim, self._file = folder / "false_time.so", folder / "offset"
        subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", self._shim, SOURCE, "-ldl"], check=True)
        self._file.write_bytes(bytes(8))
        with self._file.open("r+b") as file:
            self._shared = mmap.mmap(file.fileno(), 8)

    def set(self, seconds: float) -> None:
        """Move the clock to so many seconds ahead of the true time (or behind it)."""
        struct.pack_into("<q", self._shared, 0, round(seconds * 1_000_000))

    @property
    def environment(self) -> dict[str, str]:
        """What a process must be started with."""
        return {"LD_PRELOAD": str(self._shim), "FALSE_TIME": str(self._file)}

    @contextmanager
    def for_children(self) -> Iterator[None]:
        """What this process starts within the block lives by this clock."""
        before = {name: os.environ.get(name) for name in self.environment}
        os.environ.update(self.environment)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value
