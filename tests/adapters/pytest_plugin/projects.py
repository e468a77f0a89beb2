"""Small projects, tested by a pytest of their own with the plugin installed."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).parents[3]


class Project:
    """A folder with tests, in which pytest finds our entry point as it would in an environment of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        plugin = tomllib.loads((ROOT / "adapters/pg_scheduler_pytest/pyproject.toml").read_text())
        declared = plugin["project"]["entry-points"]["pytest11"]
        lines = [f"{name} = {module}" for name, module in declared.items()]
        installed = folder / "site" / "pg_scheduler_plugin-1.0.dist-info"
        installed.mkdir(parents=True)
        (installed / "METADATA").write_text(
            "Metadata-Version: 2.1\nName: pg-scheduler-plugin\nVersion: 1.0\n"
        )
        (installed / "entry_points.txt").write_text("\n".join(["[pytest11]", *lines]) + "\n")
        (installed / "RECORD").write_text("")

    def write(self, name: str, text: str) -> None:
        """A file of the project."""
        (self.folder / name).write_text(dedent(text))

    def pytest(self, *arguments: str, **environment: str) -> tuple[int, str]:
        """How a run ended, and what it said."""
        path = [str(self.folder / "site"), str(ROOT), str(ROOT / "adapters")]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path), **environment},
            capture_output=True, text=True, check=False, timeout=100,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr
