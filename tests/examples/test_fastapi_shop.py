"""The shop with FastAPI, under uvicorn."""

from __future__ import annotations

import json
import signal
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from pg_scheduler_embedded import EmbeddedServer
from tests.examples.running import free_port, get, got_after_a_restart, running

UVICORN = ("-m", "uvicorn", "shop:app", "--log-level", "warning", "--port")


def placed(site: str, number: int, query: str = "item=tea") -> str:
    answer = json.loads(get(f"{site}/orders/{number}?{query}", data=b""))
    return str(answer["job"])


def events_of(site: str, job: str) -> Iterator[tuple[str, dict[str, object]]]:
    """The events of a job, as they come."""
    with urllib.request.urlopen(f"{site}/jobs/{job}/events", timeout=60) as stream:
        name = ""
        for line in stream:
            field, _, value = line.decode().strip().partition(": ")
            if field == "event":
                name = value
            elif field == "data":
                yield name, json.loads(value)


def test_an_order_and_its_mail_are_one_and_the_browser_sees_it_go_on(dsn: str) -> None:
    port = free_port()
    site = f"http://127.0.0.1:{port}"
    with running("fastapi_shop", dsn, *UVICORN, str(port)) as server:
        assert "EventSource" in get(f"{site}/")
        with pytest.raises(urllib.error.HTTPError, match="403"):
            get(f"{site}/ops/jobs/")
        told = list(events_of(site, placed(site, 1)))
        assert {name for name, _ in told} == {"progress", "end"}
        assert (told[-1][0], told[-1][1]["status"]) == ("end", "completed")
        with pytest.raises(urllib.error.HTTPError):
            placed(site, 1)  # the number is taken: neither is stored
        assert [name for name, _ in events_of(site, "nothing")] == ["gone"]
        slow = placed(site, 2, "item=coffee&pause=60")
        cancelled = urllib.request.Request(f"{site}/jobs/{slow}", method="DELETE")
        assert json.loads(urllib.request.urlopen(cancelled, timeout=30).read()) == {"stopped": True}
        *_, (name, last) = events_of(site, slow)
        assert (name, last["status"]) == ("end", "cancelled")
        # Somebody watches a job that has not ended: the server ends all the same.
        watching = events_of(site, placed(site, 3, "item=cake&delay=3600"))
        next(watching)
        server.send_signal(signal.SIGTERM)
        assert "end" not in [name for name, _ in watching]


@pytest.mark.slow
def test_many_processes_survive_a_restart_of_the_database() -> None:
    port = free_port()
    site = f"http://127.0.0.1:{port}"
    with (
        EmbeddedServer() as database,
        running("fastapi_shop", database.dsn, *UVICORN, str(port), "--workers", "4"),
    ):
        *_, (_, last) = events_of(site, placed(site, 1))
        for job in got_after_a_restart(database, lambda number: placed(site, number + 1), errors=1):
            *_, (_, last) = events_of(site, job)
            assert last["status"] == "completed"
