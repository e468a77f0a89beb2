"""Classes by name: how enums and dataclasses are encoded; decoding them imports nothing."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

_MAIN = frozenset({"__main__", "__mp_main__"})
"""What the program's own module is called in the program and in processes that it spawned."""


def main_module_name() -> str:
    """The importable name of the program that runs: ``python -m app.worker`` is app.worker and
    ``python app.py`` is app, so that another process that imports it means the same by it."""
    main = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    if spec is not None and spec.name:
        return str(spec.name).removesuffix(".__main__")
    file = getattr(main, "__file__", None)
    return Path(file).stem if file else "__main__"


def class_name(cls: type) -> str:
    """``module:qualname``, the same in every process."""
    module = main_module_name() if cls.__module__ in _MAIN else cls.__module__
    return f"{module}:{cls.__qualname__}"


def loaded_class(name: str) -> type | None:
    """The class of this name in the modules that are loaded already, or None."""
    module, _, qualname = name.partition(":")
    main = sys.modules.get("__main__") if module == main_module_name() else None
    for place in (main, sys.modules.get(module)):
        found: Any = place
        for part in qualname.split("."):
            # Not getattr: a module may import something when it is asked for an attribute.
            found = vars(found).get(part) if isinstance(found, ModuleType | type) else None
        if isinstance(found, type):
            return found
    return None
