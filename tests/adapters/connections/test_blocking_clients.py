"""`SyncQueries` among threads, after a broken connection, after a fork, in a transaction of its caller's."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import psycopg
import psycopg_pool
import pytest

from pg_scheduler import ConnectionLost, InvalidInput, SchemaError, SyncQueries, TransientDatabaseError
from pg_scheduler.client import submit_retry

CUT_OTHERS = (
    "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


REFUSED = "connection: has no transaction open"


@pytest.fixture
def queries(dsn: str) -> Iterator[SyncQueries]:
    with SyncQueries(dsn) as queries:
        queries.install()
        yield queries


def value_of(dsn: str, statement: str, *values: Any) -> Any:
    """The single value of a query by somebody else."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        row = connection.execute(statement.encode(), values or None).fetchone()
        return None if row is None else row[0]


def stored(dsn: str, job_ids: list[str]) -> int:
    found: int = value_of(dsn, "SELECT count(*) FROM scheduled_jobs WHERE job_id = ANY (%s)", job_ids)
    return found


def in_threads(view: Callable[[], None], threads: int = 3) -> None:
    running = [threading.Thread(target=view) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()


class TestThreads:
    def test_what_threads_were_answered_is_stored(self, dsn: str, queries: SyncQueries) -> None:
        """Over one connection their transactions interleaved, and stayed open for ever."""
        answered: list[str] = []

        def view() -> None:
            for _ in range(25):
                answered.extend(queries.enqueue(["mail", "mail"], [b"x", b"y"]))
                answered.extend(queries.enqueue("mail"))

        in_threads(view)
        assert (len(answered), stored(dsn, answered)) == (225, 225)

    def test_two_clients_over_one_connection_take_turns(self, dsn: str, queries: SyncQueries) -> None:
        answered: list[str] = []
        with psycopg.connect(dsn, autocommit=True) as shared:

            def view() -> None:
                mine = SyncQueries(shared)
                for _ in range(25):
                    answered.extend(mine.enqueue(["mail", "mail"]))

            in_threads(view)
        assert (len(answered), stored(dsn, answered)) == (150, 150)

    def test_retries_from_threads_are_stored(self, dsn: str, queries: SyncQueries) -> None:
        ids = queries.enqueue(["mail"] * 30)
        queries.cancel(ids)
        left = list(ids)

        def view() -> None:
            while left:
                try:
                    queries.retry_job(left.pop())
                except IndexError:
                    return

        in_threads(view)
        assert value_of(dsn, "SELECT count(*) FROM scheduled_jobs WHERE status = 'pending'") == 30


class TestBrokenConnections:
    def test_a_connection_that_the_server_ended_is_made_again(self, dsn: str, queries: SyncQueries) -> None:
        queries.enqueue("mail")
        for _ in range(2):
            value_of(dsn, CUT_OTHERS)
            assert queries.queue_size()[0].count >= 1
            value_of(dsn, CUT_OTHERS)
            assert stored(dsn, queries.enqueue("mail")) == 1

    def test_a_lock_timeout_is_tried_again_and_then_raised(
        self, dsn: str, queries: SyncQueries, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It was told as "no running event loop"."""
        monkeypatch.setattr(submit_retry, "PATIENCE", 0.3)
        options = {"options": "-c lock_timeout=50"}
        with (
            psycopg_pool.ConnectionPool(dsn, min_size=1, max_size=1, open=True, kwargs=options) as pool,
            psycopg.connect(dsn) as holder,
        ):
            impatient = SyncQueries(pool)
            impatient.enqueue("mail")
            holder.execute("LOCK TABLE scheduled_jobs IN EXCLUSIVE MODE")
            with pytest.raises(TransientDatabaseError, match="lock timeout"):
                impatient.enqueue("mail")
            released = threading.Timer(0.2, holder.rollback)
            released.start()
            monkeypatch.setattr(submit_retry, "PATIENCE", 20.0)
            assert stored(dsn, impatient.enqueue("mail")) == 1
            released.join()

    def test_a_call_takes_one_connection_of_a_pool(self, dsn: str, queries: SyncQueries) -> None:
        with psycopg_pool.ConnectionPool(dsn, min_size=1, max_size=1, open=True) as pool:
            frugal = SyncQueries(pool)
            frugal.enqueue("mail")
            before = pool.get_stats()["requests_num"]
            frugal.enqueue("mail")
            assert pool.get_stats()["requests_num"] == before + 1

    def test_a_pool_that_has_no_connection_is_reported_as_such(
        self, dsn: str, queries: SyncQueries, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(submit_retry, "PATIENCE", 0.2)
        with psycopg_pool.ConnectionPool(dsn, min_size=1, max_size=1, open=True, timeout=0.1) as pool:
            impatient = SyncQueries(pool)
            impatient.enqueue("mail")
            with pool.connection(), pytest.raises(ConnectionLost):
                impatient.enqueue("mail")


FORKING = """
import os, sys, psycopg, psycopg_pool
from pg_scheduler import ConfigurationError, SyncQueries
dsn = sys.argv[1]
queries = SyncQueries(dsn)
queries.enqueue("mail")
connection = psycopg.connect(dsn, autocommit=True)
given = SyncQueries(connection)
given.enqueue("mail")

def child():
    for at in range(20):
        (job,) = queries.enqueue("mail", b"%d %d" % (os.getpid(), at))
        assert queries.job(job).payload == b"%d %d" % (os.getpid(), at)
        queries.enqueue(["mail", "mail"])
    try:
        given.enqueue("mail")
    except ConfigurationError as error:
        assert "anew after the fork" in str(error), error
    else:
        raise AssertionError("both processes talk over one connection")

children = []
with queries._client.driver.link.session._lending._lock:   # as a thread of this process may, at that moment
    for number in range(3):
        pid = os.fork()
        if pid == 0:
            try:
                child()
                sys.exit(0)
            except BaseException as error:
                if not isinstance(error, SystemExit):
                    import traceback; traceback.print_exc()
                    os._exit(1)
                raise
        children.append(pid)
ended = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
backend = queries._client.driver.link.session._lending._connection.info.backend_pid
queries.enqueue("mail")     # its connection has lived through the ends of the children
assert backend == queries._client.driver.link.session._lending._connection.info.backend_pid
given.enqueue("mail")
print(ended)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
def test_forked_processes_have_connections_of_their_own(dsn: str, queries: SyncQueries) -> None:
    program = [sys.executable, "-c", textwrap.dedent(FORKING), dsn]
    done = subprocess.run(program, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("[0, 0, 0]\n", "")
    assert value_of(dsn, "SELECT count(*) FROM scheduled_jobs") == 4 + 3 * 60


class TestTransactions:
    def test_tables_are_not_made_within_the_callers(self, dsn: str) -> None:
        """Whoever else installs would wait for its end."""
        with psycopg.connect(dsn) as mine:
            with pytest.raises(SchemaError, match=r"not made within your transaction.*pgq db install"):
                SyncQueries(mine).enqueue("mail")
            with SyncQueries(dsn) as elsewhere:
                elsewhere.enqueue("mail")
            mine.rollback()
            SyncQueries(mine).enqueue("mail")

    def test_in_autocommit_they_are_made_on_first_use(self, dsn: str) -> None:
        with psycopg.connect(dsn, autocommit=True) as mine:
            assert stored(dsn, SyncQueries(mine).enqueue("mail")) == 1

    def test_a_connection_in_no_transaction_is_refused(self, dsn: str, queries: SyncQueries) -> None:
        (kept,) = queries.enqueue("mail")
        with psycopg.connect(dsn, autocommit=True) as mine:
            for refused in (
                lambda: queries.enqueue("mail", connection=mine),
                lambda: queries.enqueue(["mail", "mail"], connection=mine),
                lambda: queries.cancel([kept], connection=mine),
            ):
                with pytest.raises(InvalidInput, match=REFUSED):
                    refused()
            with mine.transaction():
                queries.enqueue("mail", connection=mine)
        assert value_of(dsn, "SELECT count(*) FROM scheduled_jobs") == 2


@pytest.mark.parametrize("threshold", [0, None])
def test_tables_are_made_whenever_the_library_prepares(dsn: str, threshold: int | None) -> None:
    with closing(psycopg.connect(dsn, autocommit=True, prepare_threshold=threshold)) as mine:
        assert stored(dsn, SyncQueries(mine).enqueue(["mail", "mail"])) == 2
