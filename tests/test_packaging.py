"""The distribution as people get it: one wheel, installed into an environment that holds nothing else but
the declared dependencies, used from outside of the checkout. Nothing is downloaded."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import pytest

from pg_scheduler.domain.version import VERSION, install_command

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
PACKAGES = {
    "pg_scheduler",
    "pg_scheduler_postgres",
    "pg_scheduler_asyncpg",
    "pg_scheduler_psycopg",
    "pg_scheduler_sqlalchemy",
    "pg_scheduler_django",
    "pg_scheduler_starlette",
    "pg_scheduler_otel",
    "pg_scheduler_prometheus",
    "pg_scheduler_web",
    "pg_scheduler_embedded",
    "pg_scheduler_cli",
    "pg_scheduler_import",
}
OPTIONAL = {
    "pg_scheduler_psycopg",
    "pg_scheduler_sqlalchemy",
    "pg_scheduler_django",
    "pg_scheduler_starlette",
    "pg_scheduler_otel",
    "pg_scheduler_prometheus",
    "pg_scheduler_web",
}
"""They need a library that an extra brings."""
SQL = ROOT / "adapters" / "pg_scheduler_postgres"


def run(*command: object, cwd: Path) -> str:
    """What a program says, which finds no modules but those that are installed; it must end well."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def with_dependencies(names: Iterable[str]) -> set[str]:
    """The distributions and what they need in turn, extras aside."""
    wanted, found = list(names), set[str]()
    while wanted:
        name = wanted.pop()
        if name in found:
            continue
        found.add(name)
        for requirement in metadata.requires(name) or ():
            needed, _, condition = requirement.partition(";")
            if "extra" not in condition and "python_version <" not in condition:
                wanted.append(re.split(r"[^\w.-]", needed.strip(), maxsplit=1)[0])
    return found


@dataclass(frozen=True)
class Environment:
    """A virtual environment without pip."""

    folder: Path

    @classmethod
    def bare(cls, folder: Path) -> Environment:
        """With nothing but the declared dependencies, borrowed from the environment of these tests."""
        venv.create(folder, symlinks=True)
        made = cls(folder)
        for name in with_dependencies(["asyncpg", "croniter", "click"]):
            for top in {file.parts[0] for file in metadata.files(name) or ()} - {"..", "__pycache__"}:
                source = Path(str(metadata.distribution(name).locate_file(top)))
                (made.packages / top).symlink_to(source)
        return made

    @property
    def packages(self) -> Path:
        (found,) = self.folder.glob("lib/python*/site-packages")
        return found

    def install(self, *what: object) -> None:
        """By the pip of these tests, offline."""
        pip = (sys.executable, "-m", "pip", "--python", self.folder / "bin" / "python", "install")
        run(*pip, "--quiet", "--no-deps", "--no-index", *what, cwd=self.folder)

    def python(self, program: str) -> str:
        """What a program says that runs outside of every checkout."""
        return run(self.folder / "bin" / "python", "-c", program, cwd=self.folder)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the build needs, so that nothing is written into the checkout."""
    copy = tmp_path_factory.mktemp("source")
    for folder in ("pg_scheduler", "adapters"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "README.md", ".gitignore"):
        shutil.copy(ROOT / file, copy / file)
    return copy


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built wheel."""
    dist = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", dist, source, cwd=dist)
    (built,) = dist.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def plugin(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the plugin for pytest."""
    dist, folder = tmp_path_factory.mktemp("plugin"), source / "adapters" / "pg_scheduler_pytest"
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", dist, folder, cwd=dist)
    (built,) = dist.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """A bare environment with the wheel installed."""
    made = Environment.bare(tmp_path_factory.mktemp("bare") / "venv")
    made.install(wheel)
    return made


def sql_files() -> dict[str, str]:
    """Every SQL file of the checkout by its path inside its package."""
    return {file.relative_to(SQL).as_posix(): file.read_text() for file in SQL.rglob("*.sql")}


def test_the_wheel_holds_the_packages_typed_with_their_sql_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == PACKAGES
    assert {name.partition("/")[0] for name in names if name.endswith("/py.typed")} == PACKAGES
    ours = "pg_scheduler_postgres/"
    shipped = {name for name in names if name.endswith(".sql") and name.startswith(ours)}
    assert shipped == {f"pg_scheduler_postgres/{name}" for name in sql_files()}
    assert not [name for name in names if name.endswith((".pyc", ".so")) or "/tests/" in name]


def test_pytest_meets_our_plugin_in_a_distribution_of_few_files(wheel: Path, plugin: Path) -> None:
    """At each start, in every project, it reads the list of files of each distribution that has a plugin."""
    with zipfile.ZipFile(wheel) as library:
        points = next(name for name in library.namelist() if name.endswith(".dist-info/entry_points.txt"))
        assert "pytest11" not in library.read(points).decode()
    with zipfile.ZipFile(plugin) as ours:
        names = ours.namelist()
        (points,) = (name for name in names if name.endswith("/entry_points.txt"))
        (metadata_,) = (name for name in names if name.endswith("/METADATA"))
        assert ours.read(points).decode().split() == [
            "[pytest11]",
            "pg_scheduler",
            "=",
            "pg_scheduler_pytest.plugin",
        ]
        said = ours.read(metadata_).decode()
    sources = {file.name for file in (ROOT / "adapters" / "pg_scheduler_pytest").glob("*.py")}
    assert {name.partition("/")[2] for name in names if name.startswith("pg_scheduler_pytest/")} == {
        *sources,
        "py.typed",
    }
    assert len(names) < 12
    assert f"\nVersion: {VERSION}\n" in said
    assert f"Requires-Dist: pg-scheduler>={VERSION}\n" in said


def test_the_metadata_says_what_is_needed_and_which_commands_there_are(environment: Environment) -> None:
    told = json.loads(
        environment.python(
            "import json; from importlib import metadata\n"
            "meta = metadata.metadata('pg-scheduler')\n"
            "scripts = metadata.distribution('pg-scheduler').entry_points.select(group='console_scripts')\n"
            "print(json.dumps({'python': meta['Requires-Python'], 'extras': meta.get_all('Provides-Extra'),\n"
            "  'needs': meta.get_all('Requires-Dist'), 'scripts': {one.name: one.value for one in scripts}}))"
        )
    )
    assert told["python"] == ">=3.11"
    assert {"psycopg", "embedded"} <= set(told["extras"])
    plain = [need for need in told["needs"] if "extra ==" not in need]
    assert {re.split(r"[^\w]", need)[0] for need in plain} == {"asyncpg", "croniter", "click", "tzdata"}
    assert told["scripts"] == dict.fromkeys(("pgq", "pg-scheduler"), "pg_scheduler_cli.main:main")
    for command in ("pgq", "pg-scheduler"):
        assert (environment.folder / "bin" / command).exists()


def test_the_installed_library_is_imported_from_its_own_place(environment: Environment) -> None:
    for package in PACKAGES - OPTIONAL:
        where = environment.python(f"import {package}; print({package}.__file__)").strip()
        assert where == str(environment.packages / package / "__init__.py")


def test_the_installed_library_reads_its_sql(environment: Environment) -> None:
    told = json.loads(
        environment.python(
            "import json\n"
            "from importlib import resources\n"
            "from pg_scheduler_postgres.statements import Statements, read_sql\n"
            "from pg_scheduler_postgres.migration_steps import all_migrations, install_sql\n"
            "folder = resources.files('pg_scheduler_postgres') / 'sql'\n"
            "parts = resources.files('pg_scheduler_postgres') / 'fragments'\n"
            "names = [entry.name.removesuffix('.sql') for entry in folder.iterdir()]\n"
            "statements = Statements('elsewhere')\n"
            "print(json.dumps({\n"
            "  'texts': {f'sql/{name}.sql': read_sql('sql', name) for name in names},\n"
            "  'fragments': [f'fragments/{entry.name}' for entry in parts.iterdir()],\n"
            "  'compiled': {name: statements.pinned(name).sql for name in names},\n"
            "  'migrations': [f'{one.version:04}_{one.name}' for one in all_migrations()],\n"
            "  'script': install_sql('elsewhere')}))"
        )
    )
    ours = sql_files()
    assert told["texts"] == {name: text for name, text in ours.items() if name.startswith("sql/")}
    assert sorted(told["fragments"]) == sorted(name for name in ours if name.startswith("fragments/"))
    assert [f"migrations/{name}.sql" for name in told["migrations"]] == sorted(
        name for name in ours if name.startswith("migrations/")
    )
    assert all('"elsewhere"' in sql or ":schema" not in sql for sql in told["compiled"].values())
    assert 'CREATE TABLE IF NOT EXISTS "elsewhere".scheduled_jobs' in told["script"]


def test_the_installed_library_runs_a_job(environment: Environment) -> None:
    told = environment.python(
        "import asyncio\n"
        "from pg_scheduler import Scheduler\n"
        "from pg_scheduler.testing import ManualClock, MemoryDriver, drain\n"
        "async def hello(): print('hello')\n"
        "async def main():\n"
        "    clock = ManualClock()\n"
        "    scheduler = Scheduler(MemoryDriver(), clock=clock)\n"
        "    await scheduler.schedule(hello, execution_time=clock.now())\n"
        "    print(len(await drain(scheduler)))\n"
        "asyncio.run(main())"
    )
    assert told.split() == ["hello", "1"]


def test_without_the_extra_psycopg_is_asked_for_by_name(environment: Environment) -> None:
    told = environment.python(
        "from pg_scheduler import MissingDependency, Scheduler\n"
        "try:\n"
        "    Scheduler('postgresql://', library='psycopg')\n"
        "except MissingDependency as error:\n"
        "    print(error)"
    )
    assert told.strip() == f"psycopg is not installed. Install it with: {install_command('psycopg')}"


def test_the_installed_command_shows_its_help(environment: Environment) -> None:
    for command in ("pgq", "pg-scheduler"):
        told = run(environment.folder / "bin" / command, "--help", cwd=environment.folder)
        assert "Usage" in told


def test_an_editable_install_works_from_anywhere(source: Path, tmp_path: Path) -> None:
    """Built by the hook that ``pip install --editable`` calls."""
    build = "import sys; from hatchling.build import build_editable; build_editable(sys.argv[1])"
    run(sys.executable, "-c", build, tmp_path, cwd=source)
    environment = Environment.bare(tmp_path / "venv")
    environment.install(*tmp_path.glob("*.whl"))
    for package in PACKAGES - OPTIONAL:
        where = Path(environment.python(f"import {package}; print({package}.__file__)").strip())
        assert where.is_relative_to(source)
    assert environment.python("import pg_scheduler_postgres.migrations as m; print(len(m.all_migrations()))")
