"""Two servers of one cluster: a primary, a streaming replica, and who takes over when."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

import psycopg

from pg_scheduler_embedded import EmbeddedServer, find_binaries
from tests.support.databases import versions_to_test

SETTINGS = {
    "wal_log_hints": "on",  # pg_rewind wants it where there are no checksums
    "max_connections": "200",
    "shared_buffers": "'64MB'",
    "fsync": "off",
    "wal_keep_size": "'256MB'",
    "wal_sender_timeout": "'5s'",
    "wal_receiver_status_interval": "'1s'",
}
"""Quick, but what is committed survives a crash of the server."""
_PROGRAMS = ("pg_basebackup", "pg_rewind")
_PATIENCE = 30.0
"""Seconds until a server has done what it was told."""


def missing_for_cluster() -> str | None:
    """Why there can be no cluster here; None if there can."""
    folder = find_binaries(versions_to_test()[0]).folder
    missing = [program for program in _PROGRAMS if not (folder / program).exists()]
    return f"PostgreSQL came without {', '.join(missing)}" if missing else None


class ClusterServer(EmbeddedServer):
    """One of the two, which can follow the other or lead."""

    def _create(self) -> None:
        super()._create()
        with (self._data / "pg_hba.conf").open("a") as access:
            access.write("host replication postgres 127.0.0.1/32 trust\n")

    def copy_of(self, primary: EmbeddedServer) -> ClusterServer:
        """Start as a streaming replica of `primary`."""
        try:
            self._make_room()
            self._run(
                "pg_basebackup", "-D", str(self._data), "-h", "127.0.0.1", "-p", str(primary.port),
                "-U", "postgres", "-X", "stream", "-c", "fast", "--no-sync",
            )  # fmt: skip
            self.follow(primary)
            self.start_again()
        except BaseException:
            self.stop()
            raise
        return self

    def follow(self, primary: EmbeddedServer) -> None:
        """From its next start on it is a replica of `primary`."""
        self._configure()
        conninfo = self.way_to(primary)
        # These win over what the primary was told by ALTER SYSTEM, which comes with its data.
        with (self._data / "postgresql.auto.conf").open("a") as config:
            config.write(f"primary_conninfo = '{conninfo}'\nsynchronous_standby_names = ''\n")
        (self._data / "standby.signal").touch()

    def way_to(self, primary: EmbeddedServer) -> str:
        """How it connects to the server that it follows."""
        return f"host=127.0.0.1 port={primary.port} user=postgres application_name=replica"

    def rewind_to(self, primary: EmbeddedServer) -> None:
        """Forget what `primary` has never had; follow it from the next start on."""
        source = f"host=127.0.0.1 port={primary.port} user=postgres dbname=postgres"
        self._run("pg_rewind", "-D", str(self._data), f"--source-server={source}", "--no-sync")
        self.follow(primary)

    def promote(self) -> None:
        """Accept writes; they are accepted when this returns."""
        self._run("pg_ctl", "-D", str(self._data), "-w", "-t", str(int(_PATIENCE)), "promote")

    def sql(self, query: str, *args: Any) -> list[tuple[Any, ...]]:
        """Rows of a statement as the owner of everything."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            cursor = connection.execute(query.encode(), args)
            return cursor.fetchall() if cursor.description else []

    def wait_for(self, query: str, *args: Any) -> None:
        """Return when the statement says true.

        Raises:
            TimeoutError: it never did.
        """
        deadline = time.monotonic() + _PATIENCE
        while not self.sql(query, *args)[0][0]:
            if time.monotonic() > deadline:
                raise TimeoutError(query)
            time.sleep(0.02)


class Cluster:
    """A primary and its replica; either may lead. Connections lead to whoever does.

    Args:
        synchronous: whether what the primary confirms is on the replica as well.
        version: major version; the newest that is tested by default.
        settings: lines for postgresql.conf besides.
    """

    def __init__(
        self,
        synchronous: bool = True,
        version: int | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self._synchronous = synchronous
        chosen = versions_to_test()[0] if version is None else version
        self.primary = ClusterServer(chosen, {**SETTINGS, **(settings or {})})
        self.replica = ClusterServer(chosen, {**SETTINGS, **(settings or {})})
        self.whole = False
        """Whether the replica follows the primary."""

    def start(self) -> Cluster:
        """Both run, and the replica has all that the primary has."""
        try:
            self.primary.start()
            self.replica.copy_of(self.primary)
            self._replicate()
        except BaseException:
            self.stop()
            raise
        return self

    def _replicate(self) -> None:
        self.primary.wait_for("SELECT count(*) = 1 FROM pg_stat_replication WHERE state = 'streaming'")
        if self._synchronous:
            self.primary.sql("ALTER SYSTEM SET synchronous_standby_names = 'replica'")
            # Confirmed means: to be seen there, so that nobody waits for the replay after a promotion.
            self.primary.sql("ALTER SYSTEM SET synchronous_commit = 'remote_apply'")
            self.primary.sql("SELECT pg_reload_conf()")
            self.primary.wait_for("SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state = 'sync'")
        self.whole = True

    def dsn_of(self, database: str, **parameters: str) -> str:
        """A connection string that names both servers and leads to the one that accepts writes."""
        hosts = ",".join(f"127.0.0.1:{server.port}" for server in self._in_order)
        wanted = {"target_session_attrs": "read-write", **parameters}
        query = "&".join(f"{name}={value}" for name, value in wanted.items())
        return f"postgresql://postgres@{hosts}/{database}?{query}"

    @property
    def _in_order(self) -> Sequence[ClusterServer]:
        """The same whoever leads."""
        return sorted((self.primary, self.replica), key=lambda server: server.port)

    @property
    def dsn(self) -> str:
        """To the database `postgres`."""
        return self.dsn_of("postgres")

    @property
    def port(self) -> int:
        """Of whoever leads now."""
        return self.primary.port

    def catch_up(self) -> None:
        """Return when the replica shows all that is committed."""
        (position,) = self.primary.sql("SELECT pg_current_wal_lsn()::text")[0]
        self.replica.wait_for("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", position)

    def cut(self) -> None:
        """From now on the replica hears nothing any more: what is committed here is lost in a failover."""
        self.replica.sql("ALTER SYSTEM SET primary_conninfo = ''")
        self.replica.sql("SELECT pg_reload_conf()")
        self.replica.wait_for("SELECT count(*) = 0 FROM pg_stat_wal_receiver")

    def hear_again(self) -> None:
        """The replica that was cut off follows again."""
        self.replica.sql(f"ALTER SYSTEM SET primary_conninfo = '{self.replica.way_to(self.primary)}'")
        self.replica.sql("SELECT pg_reload_conf()")
        self._replicate()
        self.catch_up()

    def crash(self) -> None:
        """The primary is gone from one moment to the next."""
        self.primary.halt("immediate")

    def promote(self) -> None:
        """The replica leads from now on, alone; the other one is the replica once it has rejoined."""
        self.replica.promote()
        self.primary, self.replica = self.replica, self.primary
        self.whole = False

    def switch_over(self) -> None:
        """As planned: the primary ends its sessions, hands over all it has and comes back as a replica."""
        self.primary.halt("fast")
        self.promote()
        self.replica.follow(self.primary)
        self.replica.start_again()
        self._replicate()

    def rejoin(self) -> None:
        """The crashed primary comes back as a replica, without what only it had."""
        self.replica.rewind_to(self.primary)
        self.replica.start_again()
        self._replicate()

    def stop(self) -> None:
        """Stop both and remove their data."""
        self.primary.stop()
        self.replica.stop()

    def __enter__(self) -> Cluster:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
