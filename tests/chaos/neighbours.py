"""Harnesses with a command of their own that the one command plays too."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

NEIGHBOURS: dict[str, tuple[str, ...]] = {
    "tests.chaos.network": ("--seed", "{seed}", "--size", "{size}"),
}
"""Modules and what their commands are told; one that is not there is left out. Each prints a line for each
scenario and ends with 0 if all is well."""


def play_neighbours(seed: int, minutes: float, silent: bool) -> bool:
    """Play them one after the other; True if all invariants hold."""
    codes = []
    for module, arguments in NEIGHBOURS.items():
        if find_spec(module) is None:
            continue
        told = [argument.format(seed=seed, size=max(round(minutes / 2), 1)) for argument in arguments]
        out = subprocess.DEVNULL if silent else None
        codes.append(
            subprocess.run([sys.executable, "-m", module, *told], stdout=out, check=False).returncode
        )
    return not any(codes)
