"""Where a page lists what there is, the list is complete, and holds nothing else."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from pg_scheduler.domain.retention import VacuumPolicy
from pg_scheduler.job_spec import JobSpec
from pg_scheduler.process.environment import settings_from
from pg_scheduler.queries import Queries
from pg_scheduler_cli.database import roles
from pg_scheduler_postgres.catalog import TABLES
from pg_scheduler_postgres.session import Session
from tests.docs.pages import ROOT
from tests.docs.tables import listed


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
    """The names that `pgq db roles` gives them."""
    return (str(option.default) for option in roles.params if option.name != "schema")


def _options_of_enqueue() -> Iterable[str]:
    taken = inspect.signature(Queries.enqueue).parameters
    return (name for name in taken if name not in ("self", "entrypoint", "payload"))


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
    "policies": (listed("docs/guides/retention.md", "policy", "a finished job goes"), _policies),
    "methods of a session": (
        listed("docs/guides/writing-a-driver.md", "method", "what is true"),
        lambda: _methods(Session),
    ),
    "options of enqueue": (listed("docs/guides/queues.md", "argument", "meaning"), _options_of_enqueue),
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


def test_the_docstring_of_a_job_spec_names_its_fields_in_order() -> None:
    listed_in_it = re.findall(r"\w+", (JobSpec.__doc__ or "").partition(":")[2].partition(".")[0])
    assert [word for word in listed_in_it if word not in ("then", "and")] == [
        *inspect.signature(JobSpec).parameters
    ]
