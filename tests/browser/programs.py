"""What the suite needs besides Python packages: Chromium, and the rules of axe-core."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from pathlib import Path

from tests.support.processes import ROOT

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
AXE = "axe-core"
CACHE = ROOT / ".cache" / AXE


class NotToBeHad(Exception):
    """The text says what is missing, and why."""


def chromium() -> str | None:
    """Where the browser is, if it is installed."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def axe() -> str | None:
    """The program of axe-core, if it has been fetched."""
    found = CACHE / "package" / "axe.min.js"
    return found.read_text(encoding="utf-8") if found.exists() else None


def fetch_chromium() -> None:
    """Install Debian's, where there is none.

    Raises:
        NotToBeHad: this is no Debian, or not its administrator.
    """
    if chromium():
        return
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        raise NotToBeHad("no chromium: install one (on Debian: apt-get install chromium)")
    for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", "chromium"]):
        done = subprocess.run(["apt-get", *command], capture_output=True, text=True)
        if done.returncode:
            raise NotToBeHad(f"apt-get {command[0]}: {done.stderr.strip()}")


def fetch_axe() -> None:
    """Fetch axe-core into the cache, where it is not there.

    Raises:
        NotToBeHad: npm is missing, or says no.
    """
    if axe():
        return
    npm = shutil.which("npm")
    if npm is None:
        raise NotToBeHad("no npm, which fetches axe-core")
    CACHE.mkdir(parents=True, exist_ok=True)
    done = subprocess.run([npm, "pack", "--silent", AXE], cwd=CACHE, capture_output=True, text=True)
    if done.returncode:
        raise NotToBeHad(f"npm pack {AXE}: {done.stderr.strip()}")
    archive = CACHE / done.stdout.split()[-1]
    with tarfile.open(archive) as opened:
        member = opened.getmember("package/axe.min.js")
        target = CACHE / "package" / "axe.min.js"
        target.parent.mkdir(exist_ok=True)
        content = opened.extractfile(member)
        assert content is not None
        target.write_bytes(content.read())
    archive.unlink()


def found_or_fetched() -> list[str]:
    """Fetch what is missing; what could not be had, in words."""
    missing = []
    for fetch in (fetch_chromium, fetch_axe):
        try:
            fetch()
        except NotToBeHad as error:
            missing.append(str(error))
    return missing


def folder_of_pictures() -> Path:
    """Where the documentation's screenshots are."""
    return ROOT / "docs" / "images"
