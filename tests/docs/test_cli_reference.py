"""The page on the command line is complete: every command, and each of its options beside it."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest

from pg_scheduler_cli.main import main as pgq
from tests.docs.pages import ROOT
from tests.docs.tables import listed, names, table

PAGE = "docs/reference/cli.md"
IN_COMMON = (ROOT / PAGE).read_text(encoding="utf-8").partition("## Output")[0]
"""What is said of all commands, about `--dsn`, `--read-dsn`, `--schema`, `--library` and `--json`."""
ROWS = {names(row[0])[0]: names(row[1]) for row in table(PAGE, "command", "what it does")}
"""The names in the description of each command, whose usage is the key: ``pgq jobs show ID``."""


def _commands(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            yield from _commands(below, f"{path} {name}")
    else:
        yield path, command


COMMANDS = dict(_commands(pgq, "pgq"))


def _command_of(usage: str) -> str:
    """The command without its arguments, which are in capitals."""
    return " ".join(word for word in usage.split() if word == word.lower())


def _options(path: str) -> Iterator[str]:
    for parameter in COMMANDS[path].params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            yield from parameter.opts


def _listed(path: str) -> list[str]:
    (of_its_row,) = [found for usage, found in ROWS.items() if _command_of(usage) == path]
    found = of_its_row if path != "pgq run" else listed(PAGE, "option", "meaning")
    return [name for name in found if name.startswith("-")]


def test_the_commands_are_those_that_there_are() -> None:
    assert sorted(map(_command_of, ROWS)) == sorted(COMMANDS)


@pytest.mark.parametrize("path", COMMANDS)
def test_every_option_has_its_place_and_no_other_is_listed(path: str) -> None:
    common = {option for option in _options(path) if f"`{option}`" in IN_COMMON}
    assert common <= {"--dsn", "--schema", "--library", "--json", "--read-dsn"}
    assert sorted(_listed(path)) == sorted(set(_options(path)) - common)
