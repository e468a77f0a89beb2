"""The tests, in a process that has the Django to be tested: ``python -m tests.django_suite.run FOLDER DSN``.

FOLDER is the parent of Django's folder `tasks`. The last line is a JSON object of what became of each test.
"""

from __future__ import annotations

import json
import sys
import unittest
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.django_suite.exceptions import DOES_NOT_APPLY

MODULES = ("test_dummy_backend", "test_immediate_backend", "test_tasks")


def configure(dsn: str, folder: Path) -> None:
    """A project that has Django's tests as an app, over our tables."""
    import django
    import psycopg
    from django.conf import settings
    from django.core.management import call_command

    where = psycopg.conninfo.conninfo_to_dict(dsn)
    names = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port"}
    database = {name: where.get(word) or "" for name, word in names.items()}
    backport = django.VERSION < (6, 0)
    settings.configure(
        DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", **database}},
        INSTALLED_APPS=["pg_scheduler_django", *(["django_tasks"] if backport else [])],
        USE_TZ=True,
    )
    django.setup()
    call_command("migrate", verbosity=0)
    sys.path.insert(0, str(folder))


def cases() -> list[unittest.TestCase]:
    """The tests that apply, each in a class that may use the database."""
    from django.test import SimpleTestCase

    from tests.django_suite.stand_ins import put_in_place

    put_in_place()
    SimpleTestCase.databases = {"default"}
    found: list[unittest.TestCase] = []
    for name in MODULES:
        tests: Any = unittest.defaultTestLoader.loadTestsFromModule(import_module(f"tasks.{name}"))
        found.extend(each for suite in tests for each in suite)
    return found


def main() -> int:
    folder, dsn = Path(sys.argv[1]), sys.argv[2]
    configure(dsn, folder)
    everything = cases()
    names = [".".join(test.id().split(".")[-2:]) for test in everything]
    applying = unittest.TestSuite(
        test for test, name in zip(everything, names, strict=True) if name not in DOES_NOT_APPLY
    )
    answers = unittest.TextTestRunner(verbosity=1).run(applying)
    failed = sorted({test.id() for test, _ in [*answers.failures, *answers.errors]})
    passed = answers.testsRun - len(failed) - len(answers.skipped)
    said = {
        "passed": passed,
        "failed": failed,
        "left_out": sorted(set(names) & set(DOES_NOT_APPLY)),
    }
    print(json.dumps(said))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
