"""The list of commands, which is shown without loading them."""

from __future__ import annotations

import click
from click.testing import CliRunner

from pg_scheduler_cli.main import COMMANDS, main


def test_the_list_says_of_each_command_what_its_own_help_begins_with() -> None:
    widest = 70
    listed = {name: click.Command(name, help=place.summary) for name, place in COMMANDS.items()}
    for name, command in main.commands.items():
        assert command.name == name
        assert listed[name].get_short_help_str(widest) == command.get_short_help_str(widest)
    shown = CliRunner().invoke(main, ["--help"]).output
    assert all(f"\n  {name} " in shown for name in COMMANDS)
