"""The app."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.core.checks import Tags, register
from django.db.models.signals import post_migrate


class PgSchedulerConfig(AppConfig):
    """`pg_scheduler_django` in INSTALLED_APPS."""

    name = "pg_scheduler_django"
    label = "pg_scheduler"
    verbose_name = "Jobs"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Hook in the checks, and keep the tables at this code's version."""
        from pg_scheduler_django import checks

        register(checks.check_settings)
        register(checks.check_tables, Tags.database)
        post_migrate.connect(_keep_current, sender=self, dispatch_uid="pg_scheduler tables")


def _keep_current(using: str, plan: list[tuple[Any, bool]], **_: Any) -> None:
    """After `migrate`: an upgrade of the library may have brought newer tables, which no migration of
    Django's names one by one. Not after the app has been taken back to zero."""
    from pg_scheduler_django.conf import conf
    from pg_scheduler_django.tables import install

    taken_back = any(step.app_label == "pg_scheduler" and backwards for step, backwards in plan)
    if using == conf().database and not taken_back:
        install(using)
