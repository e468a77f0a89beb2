"""Names in commands that people copy into a shell: anybody may have stored them."""

from __future__ import annotations

import shlex


def quoted(name: str) -> str:
    """A name as the value of an option; a shell takes it as it is, whatever it holds."""
    if name.isprintable():
        return shlex.quote(name)
    return "$'" + "".join(_escaped(letter) for letter in name) + "'"


def argument(name: str) -> str:
    """A name as the last argument of a command: not taken for an option either."""
    return f"-- {quoted(name)}" if name.startswith("-") else quoted(name)


def _escaped(letter: str) -> str:
    """As bash, zsh and ksh read it between ``$'`` and ``'``."""
    if letter in "'\\":
        return f"\\{letter}"
    return letter if letter.isprintable() else f"\\U{ord(letter):08x}"
