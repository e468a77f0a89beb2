"""`pgq web`: the dashboard, by itself."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from pg_scheduler.domain.errors import InvalidInput, MissingDependency, PgSchedulerError
from pg_scheduler.domain.version import install_command
from pg_scheduler.queries import Queries
from pg_scheduler_cli.errors import Failure, explained
from pg_scheduler_cli.logs import log_to_stderr
from pg_scheduler_cli.options import Connection, reading_beside
from pg_scheduler_cli.serving import stop_signals

if TYPE_CHECKING:
    from pg_scheduler_web.doors import Door

RIGHTS = ("read_only", "operator", "admin")


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to serve at.")
@click.option(
    "--port", default=8642, show_default=True, type=click.IntRange(0, 65535), help="0: any that is free."
)
@click.option("--user", help="Name that goes with --password-hash.")
@click.option(
    "--password-hash", envvar="PGQ_WEB_PASSWORD_HASH", metavar="HASH",
    help="As --hash-password prints it. Default: $PGQ_WEB_PASSWORD_HASH.",
)  # fmt: skip
@click.option(
    "--behind-proxy", metavar="HEADER",
    help="A proxy has asked who it is, and says so in this header; nothing but the proxy may reach the port.",
)  # fmt: skip
@click.option(
    "--rights",
    type=click.Choice(RIGHTS),
    default="admin",
    show_default=True,
    help="What whoever is let in may do.",
)
@click.option("--root-path", default="", help="Where a proxy shows it: /jobs.")
@click.option("--hash-password", is_flag=True, help="Ask for a password, print its hash, and serve nothing.")
@reading_beside
def web(
    connection: Connection,
    host: str,
    port: int,
    user: str | None,
    password_hash: str | None,
    behind_proxy: str | None,
    rights: str,
    root_path: str,
    hash_password: bool,
) -> None:
    """Serve the dashboard until Ctrl-C.

    By itself it serves this machine alone, and prints a link that works once. At another address it takes
    --user and --password-hash, behind TLS, or --behind-proxy.
    """
    try:
        if hash_password:
            _print_hash()
            return
        door = _door(user, password_hash, behind_proxy, rights)
        log_to_stderr("warning")
        asyncio.run(_serve(connection, door, host, port, root_path))
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("starlette", "jinja2", "uvicorn", "markupsafe"):
            raise
        raise Failure(f"{error.name} is not installed. Install it with: {install_command('web')}") from error
    except (InvalidInput, MissingDependency) as error:
        raise Failure(str(error)) from error
    except PgSchedulerError as error:
        raise Failure(explained(error)) from error


def _print_hash() -> None:
    from pg_scheduler_web.passwords import password_hash

    given = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    click.echo(password_hash(given))


def _door(user: str | None, password_hash: str | None, behind_proxy: str | None, rights: str) -> Door:
    from pg_scheduler_web.access import Access
    from pg_scheduler_web.doors import BehindProxy, OneTimeLink, Password

    access = getattr(Access, rights)
    if behind_proxy is not None:
        if user is not None:
            raise click.UsageError("give --behind-proxy, or --user and --password-hash")
        return BehindProxy(behind_proxy, access)
    if user is not None and password_hash is not None:
        return Password(user, password_hash, access)
    if user is not None:
        raise click.UsageError("--user takes --password-hash; `pgq web --hash-password` makes one")
    return OneTimeLink(access)


async def _serve(connection: Connection, door: Door, host: str, port: int, root_path: str) -> None:
    from pg_scheduler_web.serving import Served

    scheduler = connection.scheduler()
    served = Served(Queries(scheduler.client), door, host=host, port=port, root_path=root_path)
    for number in stop_signals():
        asyncio.get_running_loop().add_signal_handler(number, served.stop)
    try:
        await served.run(lambda: click.echo(f"{connection.shown}\n{served.url}\nCtrl-C ends it."))
    finally:
        await scheduler.shutdown()
