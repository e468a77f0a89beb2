"""Where a page lists what there is, the list is complete, and holds nothing else."""

from __future__ import annotations

import ast
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from typing import Any, get_type_hints

import pytest

from pg_scheduler import ports
from pg_scheduler.domain.retention import VacuumPolicy
from pg_scheduler.job_spec import JobSpec
from pg_scheduler.ports.driver import Driver
from pg_scheduler.process.environment import settings_from
from pg_scheduler.queries import Queries
from pg_scheduler_cli.database import roles
from pg_scheduler_postgres.catalog import TABLES
from pg_scheduler_postgres.session import Session
from tests.docs.pages import ROOT
from tests.docs.tables import listed, names, table


class _Environment(dict[str, str]):
    """Notes which variables it is asked for."""

    def get(self, name: str, default: Any = None) -> Any:
        self[name] = ""
        return "postgresql://localhost/x" if name == "DATABASE_URL" else default


def _variables() -> Iterable[str]:
    environment = _Environment()
    settings_from(environment)
    return environment


def _methods(port: type) -> Iterable[str]:
    """The public names that a Protocol asks for."""
    return (name for name in vars(port) if not name.startswith("_"))


def _policies() -> Iterable[str]:
    """The ways to make a policy."""
    return (name for name, made in vars(VacuumPolicy).items() if isinstance(made, classmethod))


def _folders() -> Iterable[str]:
    found = [ROOT / folder for folder in ("pg_scheduler", "tests", "benchmarks", "docs")]
    for above in ("pg_scheduler", "adapters"):
        found += [folder for folder in (ROOT / above).iterdir() if any(folder.glob("**/*.py"))]
    return (f"{folder.relative_to(ROOT)}/" for folder in found)


def _roles() -> Iterable[str]:
    """The names that `pgq db roles` gives them; those for people are in the guide on monitoring."""
    people = ("schema", "reader", "operator")
    return (str(option.default) for option in roles.params if option.name not in people)


def _options_of_enqueue() -> Iterable[str]:
    taken = inspect.signature(Queries.enqueue).parameters
    return (name for name in taken if name not in ("self", "entrypoint", "payload"))


def _log_fields() -> Iterable[str]:
    """The keys of every `extra=` in the product, also where it is given by a name."""
    for folder in ("pg_scheduler", "adapters"):
        for file in (ROOT / folder).rglob("*.py"):
            yield from _extra_fields(ast.parse(file.read_text(encoding="utf-8")))


def _extra_fields(module: ast.Module) -> Iterator[str]:
    named = {
        ast.unparse(target): node.value
        for node in ast.walk(module)
        if isinstance(node, ast.Assign)
        for target in node.targets
    }
    for node in ast.walk(module):
        if isinstance(node, ast.keyword) and node.arg == "extra":
            for part in ast.walk(node.value):
                yield from _keys(named.get(ast.unparse(part), part))


def _keys(value: ast.AST) -> Iterator[str]:
    for key in value.keys if isinstance(value, ast.Dict) else ():
        if isinstance(key, ast.Constant):
            yield str(key.value)


LISTS: dict[str, tuple[list[str], Callable[[], Iterable[str]]]] = {
    "tables": (
        listed("docs/concepts.md", "table", "what is in it"),
        lambda: (table.name for table in TABLES),
    ),
    "variables": (listed("docs/guides/deploying.md", "variable", "meaning"), _variables),
    "roles": (
        listed("docs/guides/deploying.md", "role", "may", "may not"),
        _roles,
    ),
    "policies": (listed("docs/guides/retention.md", "policy", "a finished job is deleted"), _policies),
    "methods of a session": (
        listed("docs/guides/writing-a-driver.md", "method", "what it does"),
        lambda: _methods(Session),
    ),
    "options of enqueue": (listed("docs/guides/queues.md", "argument", "meaning"), _options_of_enqueue),
    "log fields": (listed("docs/guides/deploying.md", "field", "meaning"), lambda: {*_log_fields()}),
    "folders": (listed("README.md", "folder", "what is in it"), _folders),
}
"""What stands in the first column of a table, and what there is."""


def _plain(name: str) -> str:
    """Without arguments."""
    return name.partition("(")[0]


@pytest.mark.parametrize("what", LISTS)
def test_a_list_is_complete_and_holds_nothing_else(what: str) -> None:
    written, there_is = LISTS[what]
    assert sorted(map(_plain, written)) == sorted(there_is())


def test_the_page_on_the_tables_names_every_column() -> None:
    page = "docs/reference/tables.md"
    listed_there = sorted(name for row in table(page, "column", "meaning") for name in names(row[0]))
    assert listed_there == sorted(column for one in TABLES for column in one.columns)


def _parts() -> dict[str, type]:
    """The Protocol of each part of the port. Its modules load each other for type checkers only."""
    modules = [import_module(f"{ports.__name__}.{one.name}") for one in pkgutil.iter_modules(ports.__path__)]
    known = {name: value for module in modules for name, value in vars(module).items()}
    return {
        name: get_type_hints(part.fget, localns=known)["return"]
        for name, part in vars(Driver).items()
        if isinstance(part, property)
    }


def test_the_guide_names_every_method_of_every_part_of_the_port() -> None:
    rows = table("docs/guides/writing-a-driver.md", "part", "Protocol", "methods")
    written = {row[0]: (row[1], set(names(row[2]))) for row in rows}
    assert written == {
        f"`driver.{name}`": (f"`{port.__name__}`", {one for one in dir(port) if not one.startswith("_")})
        for name, port in _parts().items()
    }


def test_the_guide_names_what_the_driver_itself_adds() -> None:
    guide = (ROOT / "docs/guides/writing-a-driver.md").read_text(encoding="utf-8")
    (added,) = re.findall(r"^`Driver` itself adds (.*)\.$", guide, re.MULTILINE)
    own = {name for name in _methods(Driver) if name not in _parts()}
    assert set(names(added)) == own


def test_the_reference_shows_every_part_of_the_port() -> None:
    page = (ROOT / "docs/reference/ports.md").read_text(encoding="utf-8")
    modules = {port.__module__ for port in (Driver, *_parts().values())}
    assert modules <= set(re.findall(r"automodule:: (\S+)", page))


def test_the_docstring_of_a_job_spec_names_its_fields_in_order() -> None:
    listed_in_it = re.findall(r"\w+", (JobSpec.__doc__ or "").partition(":")[2].partition(".")[0])
    assert [word for word in listed_in_it if word not in ("then", "and")] == [
        *inspect.signature(JobSpec).parameters
    ]
