"""Where peers are installed: a folder for each below the temporary one, kept for the next time. The package
indexes are those that pip and npm are set up for."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(__file__).resolve().parent
PATIENCE = 600.0
"""Seconds that an installation, or a load, may take."""

_VERSION = "import importlib.metadata, sys; print(importlib.metadata.version(sys.argv[1]))"


class Unavailable(RuntimeError):
    """A peer cannot be installed or started; the text says why."""


class Environment(Protocol):
    """Packages of one kind, and how programs run beside them."""

    async def prepare(self, name: str) -> str:
        """Install the packages unless they are there; the version of the first.

        Raises:
            Unavailable: they cannot be installed here.
        """

    def command(self, name: str, program: str) -> tuple[str, ...]:
        """What starts a program of this folder; settings are its last argument."""


@dataclass(frozen=True, slots=True)
class Python:
    """A virtual environment, filled by pip."""

    packages: tuple[str, ...]

    async def prepare(self, name: str) -> str:
        """Install the packages unless they are there; the version of the first."""
        folder = folder_of(name)
        with installing(folder, self.packages) as wanted:
            if wanted:
                await run(sys.executable, "-m", "venv", str(folder))
                await run(_python(folder), "-m", "pip", "install", "-qq", *self.packages)
        return await run(_python(folder), "-c", _VERSION, bare(self.packages[0]))

    def command(self, name: str, program: str) -> tuple[str, ...]:
        """``python -m``, of that environment."""
        return (_python(folder_of(name)), "-m", f"benchmarks.peers.{program}")


@dataclass(frozen=True, slots=True)
class Node:
    """A folder with ``node_modules``, filled by npm."""

    packages: tuple[str, ...]

    async def prepare(self, name: str) -> str:
        """Install the packages unless they are there; the version of the first."""
        for needed in ("node", "npm"):
            if shutil.which(needed) is None:
                raise Unavailable(f"{needed} is not installed")
        folder, package = folder_of(name), bare(self.packages[0])
        with installing(folder, self.packages) as wanted:
            if wanted:
                quiet = ("--no-audit", "--no-fund", "--no-package-lock", "--loglevel", "error")
                await run("npm", "install", "--prefix", str(folder), *quiet, *self.packages)
        # Node looks for packages beside the program, so the programs go where the packages are.
        for program in PROGRAMS.glob("*.mjs"):
            shutil.copy(program, folder)
        try:
            described = (folder / "node_modules" / package / "package.json").read_text()
        except OSError as error:  # programs that tidy the temporary folder leave the rest
            raise Unavailable(f"{folder} is not whole any more, remove it") from error
        version: str = json.loads(described)["version"]
        return version

    def command(self, name: str, program: str) -> tuple[str, ...]:
        """``node``, with the program beside the packages."""
        return ("node", str(folder_of(name) / program))


def folder_of(name: str) -> Path:
    """Where a peer is installed."""
    return Path(tempfile.gettempdir()) / "pg_scheduler_peers" / name.lower()


def bare(package: str) -> str:
    """A package's name without extras and version."""
    return re.split(r"[\[@=<>~]", package, maxsplit=1)[0]


def variables() -> dict[str, str]:
    """The environment variables of workers: this project can be imported, wherever they are installed."""
    path = [str(ROOT), str(ROOT / "adapters"), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path), "PYTHONUNBUFFERED": "1"}


@contextmanager
def installing(folder: Path, packages: tuple[str, ...]) -> Iterator[bool]:
    """Whether these packages are still to be installed; noted as installed when the block ends well."""
    ready, text = folder / "installed.json", json.dumps(packages)
    wanted = not (ready.exists() and ready.read_text() == text)
    if wanted:
        print(f"installing {' '.join(packages)} ...", file=sys.stderr)
        folder.mkdir(parents=True, exist_ok=True)
    yield wanted
    ready.write_text(text)


async def run(*command: str) -> str:
    """What a command prints; what it complains of goes to this process's standard error.

    Raises:
        Unavailable: it cannot be started, failed, or took too long.
    """
    said = f"{Path(command[0]).name} {' '.join(command[1:3])}"
    try:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, env=variables(), stdout=asyncio.subprocess.PIPE
        )
    except OSError as error:
        raise Unavailable(f"{said}: {error}") from error
    try:
        printed, _ = await asyncio.wait_for(process.communicate(), PATIENCE)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise Unavailable(f"{said}: not done after {PATIENCE:g} seconds") from None
    if process.returncode:
        raise Unavailable(f"{said}: exit {process.returncode}")
    return printed.decode().strip()


def _python(folder: Path) -> str:
    return str(folder / "bin" / "python")
