"""The contract that is published is the whole one."""

from __future__ import annotations

import importlib
import pkgutil

from pg_scheduler.testing import contract

SCENES = {"scene", "schedule_scene"}
"""Modules without tests."""


def test_every_module_of_the_contract_is_one_published_class_that_bears_its_name() -> None:
    modules = {module.name for module in pkgutil.iter_modules(contract.__path__)} - SCENES
    named_after = {f"Test{module.title().replace('_', '')}": module for module in modules}
    assert sorted(named_after) == contract.__all__
    for name, module in named_after.items():
        home = importlib.import_module(f"{contract.__name__}.{module}")
        assert getattr(contract, name) is getattr(home, name)
        tests = {found for found in vars(home) if found.startswith(("Test", "test_"))}
        assert tests == {name}, "a second class would be run by nobody"
