"""The shop with Django, run as its reader would."""

from __future__ import annotations

import json

import pytest

from pg_scheduler_embedded import EmbeddedServer
from tests.examples.running import eventually_true, free_port, get, got_after_a_restart, running, said


def test_its_own_tests_pass(dsn: str) -> None:
    assert "OK" in said("django_shop", dsn, "manage.py", "test")


@pytest.mark.slow
def test_a_worker_confirms_what_the_web_server_stored_also_after_a_restart_of_the_database() -> None:
    with EmbeddedServer() as server:
        said("django_shop", server.dsn, "manage.py", "migrate")
        port = free_port()
        site = f"http://127.0.0.1:{port}"
        with (
            running("django_shop", server.dsn, "manage.py", "runserver", "--noreload", str(port)),
            running("django_shop", server.dsn, "manage.py", "pgq", "run"),
        ):

            def ordered(number: int) -> int:
                return int(json.loads(get(f"{site}/orders/?item=tea"))["order"])

            _confirmed(site, ordered(0))
            for order in got_after_a_restart(server, ordered, errors=1):
                _confirmed(site, order)


def _confirmed(site: str, order: int) -> None:
    def confirmed() -> bool:
        shown = json.loads(get(f"{site}/orders/{order}/"))
        return bool(shown["confirmed"]) and shown["status"] in ("SUCCESSFUL", "RUNNING")

    eventually_true(confirmed)
