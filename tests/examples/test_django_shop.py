"""The shop with Django, run as its reader would."""

from __future__ import annotations

import json
import time
import urllib.error

import pytest

from pg_scheduler_embedded import EmbeddedServer
from tests.examples.running import free_port, get, running, said


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
            _confirmed(site, json.loads(get(f"{site}/orders/?item=tea"))["order"])
            server.restart()
            failed = 0
            for _ in range(5):
                try:
                    order = json.loads(get(f"{site}/orders/?item=coffee"))["order"]
                except urllib.error.HTTPError:
                    failed += 1
            assert failed <= 1
            _confirmed(site, order)


def _confirmed(site: str, order: int) -> None:
    deadline = time.monotonic() + 60
    while not (shown := json.loads(get(f"{site}/orders/{order}/")))["confirmed"]:
        assert time.monotonic() < deadline, shown
        time.sleep(0.1)
    assert shown["status"] in ("SUCCESSFUL", "RUNNING")
