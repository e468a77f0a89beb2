"""The tables, laid by `manage.py migrate`."""

from __future__ import annotations

from typing import Any

from django.db.migrations.operations.base import Operation

from pg_scheduler.ports.schema import SchemaStatus
from pg_scheduler_django.conf import conf
from pg_scheduler_django.sources import sync_driver_over


def install(alias: str) -> None:
    """Create, upgrade or heal them, as `pgq db install` does."""
    driver = _driver(alias)
    driver.run_now(driver.open())
    driver.run_now(driver.schema.install())


def status(alias: str) -> SchemaStatus:
    """What is there."""
    driver = _driver(alias)
    driver.run_now(driver.open())
    found: SchemaStatus = driver.run_now(driver.schema.status())
    return found


def _driver(alias: str) -> Any:
    return sync_driver_over(alias, schema=conf().schema)


class InstallTables(Operation):
    """What the first migration does; later ones are not needed, because `migrate` ends with the same."""

    reversible = True
    reduces_to_sql = False

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Django's idea of the models is another operation's business."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Create them in the database that the setting names, and in no other."""
        if schema_editor.connection.alias == conf().database:
            install(schema_editor.connection.alias)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Drop them, with every job."""
        if schema_editor.connection.alias == conf().database:
            driver = _driver(schema_editor.connection.alias)
            driver.run_now(driver.open())
            driver.run_now(driver.schema.uninstall())

    def describe(self) -> str:
        """In a list of migrations."""
        return "Create the tables of pg_scheduler, as `pgq db install` does"
