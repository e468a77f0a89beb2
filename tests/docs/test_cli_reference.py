"""The page on the command line is complete."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest

from pg_scheduler_cli.main import main as pgq
from tests.docs.pages import ROOT

PAGE = (ROOT / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")


def _commands(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            yield from _commands(below, f"{path} {name}")
    else:
        yield path, command


COMMANDS = dict(_commands(pgq, "pgq"))


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_and_every_option_has_its_place(path: str) -> None:
    assert f"`{path} " in PAGE or f"`{path}`" in PAGE
    for parameter in COMMANDS[path].params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            for option in parameter.opts:
                assert f"`{option}`" in PAGE, option
