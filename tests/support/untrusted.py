"""A module that no worker here is told to trust: importing it is a failure of the test."""

from __future__ import annotations


async def job() -> None:
    """Never runs."""
