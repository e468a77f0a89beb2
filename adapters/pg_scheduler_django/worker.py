"""The worker of a Django project: what `manage.py pgq run` runs."""

from __future__ import annotations

import django
from django.apps import apps
from django.utils.module_loading import autodiscover_modules

from pg_scheduler import Scheduler
from pg_scheduler_django.conf import conf
from pg_scheduler_django.middleware import DjangoConnections
from pg_scheduler_django.sources import url_of
from pg_scheduler_django.tasks import register_project


def scheduler() -> Scheduler:
    """One that knows every task of the project, over connections with the settings of its database."""
    if not apps.ready:
        django.setup()
    given = conf()
    options = dict(given.worker)
    middleware = [DjangoConnections(), *options.pop("middleware", ())]
    made = Scheduler(
        url_of(given.database), schema=given.schema, library="psycopg", middleware=middleware, **options
    )
    discover()
    register_project(made)
    return made


def discover() -> None:
    """Import the modules of every app that may hold tasks."""
    for name in conf().modules:
        autodiscover_modules(name)
