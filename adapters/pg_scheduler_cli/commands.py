"""The commands of `pgq`, each in a module that is loaded when the command is named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from importlib import import_module
from typing import Any, NamedTuple

import click

from pg_scheduler_cli.groups import PlainGroup


class Place(NamedTuple):
    """Where a command is defined."""

    module: str
    summary: str
    """What its help begins with: the list of commands is shown without loading any."""
    name: str | None = None
    """What it is called there; by default as the module is."""


class NamedCommands(MutableMapping[str, click.Command]):
    """Commands by name. Whoever takes one has its module loaded."""

    def __init__(self, places: Mapping[str, Place]) -> None:
        self.places = places
        self._loaded: dict[str, click.Command] = {}

    def __getitem__(self, name: str) -> click.Command:
        if name not in self._loaded:
            place = self.places[name]
            module = import_module(f"pg_scheduler_cli.{place.module}")
            self._loaded[name] = getattr(module, place.name or place.module)
        return self._loaded[name]

    def __setitem__(self, name: str, command: click.Command) -> None:
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        del self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter({**self.places, **self._loaded})

    def __len__(self) -> int:
        return len({**self.places, **self._loaded})


class MainGroup(PlainGroup):
    """A group that shows what it has without loading it."""

    def __init__(self, *args: Any, places: Mapping[str, Place], **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.commands = NamedCommands(places)
        self._outline = click.Group(
            commands={name: click.Command(name, help=place.summary) for name, place in places.items()}
        )

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self._outline.format_commands(ctx, formatter)
