"""The page with Flask, run as its reader would."""

from __future__ import annotations

import json
from functools import partial
from urllib.parse import quote

import pytest

from pg_scheduler_embedded import EmbeddedServer
from tests.examples.running import PGQ, eventually_true, free_port, get, got_after_a_restart, running, said

FLASK = ("-m", "flask", "--app", "app")


@pytest.mark.slow
def test_a_worker_welcomes_whom_the_page_has_signed_up_also_after_a_restart_of_the_database() -> None:
    with EmbeddedServer() as database:
        dsn, port = database.dsn, free_port()
        site = f"http://127.0.0.1:{port}"

        def signed_up(number: int) -> str:
            address = quote(f"ada{number}@example.org").encode()
            return str(json.loads(get(f"{site}/readers", data=b"address=" + address))["job"])

        def welcomed(job: str) -> bool:
            return bool(json.loads(get(f"{site}/jobs/{job}"))["status"] == "completed")

        said("flask_mail", dsn, *FLASK, "init-db")
        with (
            running("flask_mail", dsn, *FLASK, "run", "--port", str(port)),
            running("flask_mail", dsn, *PGQ, "run", "worker:scheduler"),
        ):
            eventually_true(partial(welcomed, signed_up(0)))
            for job in got_after_a_restart(database, signed_up, errors=1):
                eventually_true(partial(welcomed, job))
