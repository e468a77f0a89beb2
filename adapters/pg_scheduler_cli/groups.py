"""A command group that fails with one line and suggests the command that was meant."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from pg_scheduler.domain.errors import PgSchedulerError
from pg_scheduler.domain.spelling import nearest
from pg_scheduler_cli.errors import Failure, explained, in_sentences


@contextmanager
def plainly() -> Iterator[None]:
    """Within this block, usage errors and this project's errors become a `Failure`."""
    try:
        yield
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else "pgq"
        raise Failure(in_sentences(error.format_message(), f"See `{path} --help`")) from error
    except BrokenPipeError:
        raise  # the reader of our output is gone (`pgq ... | head`): click ends quietly
    except (PgSchedulerError, OSError) as error:
        if os.environ.get("PGQ_DEBUG"):
            raise
        raise Failure(explained(error)) from error


class PlainGroup(click.Group):
    """Shows failures without a traceback (PGQ_DEBUG=1 shows it); without arguments, shows its help."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        with plainly():
            return super().make_context(info_name, args, parent, **extra)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help())
            ctx.exit()
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        with plainly():
            return super().invoke(ctx)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            meant = self._meant(ctx, name)
            hint = f". Did you mean `{meant}`?" if meant else ""
            raise click.UsageError(f"no such command {name!r}{hint}", ctx)
        return super().resolve_command(ctx, args)

    def _meant(self, ctx: click.Context, name: str) -> str | None:
        """The full name of the most similar command, in this group or else in any other."""
        root = ctx.find_root()
        here = {command: f"{ctx.command_path} {command}" for command in self.commands}
        anywhere = dict(_leaves(root.command, root.command_path))
        if name in anywhere:
            return anywhere[name]
        for known in (here, anywhere):
            if (near := nearest(name, known)) is not None:
                return known[near]
        return None


def _leaves(command: click.Command, path: str) -> Iterator[tuple[str, str]]:
    """Last word and full name of every command below."""
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            yield from _leaves(below, f"{path} {name}")
    else:
        yield path.rsplit(" ", 1)[-1], path
