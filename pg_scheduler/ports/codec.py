"""The Codec port."""

from __future__ import annotations

from typing import Any, Protocol


class Codec(Protocol):
    """Turns task arguments and results into JSON text and back."""

    def encode_arguments(self, args: list[Any], kwargs: dict[str, Any]) -> str:
        """JSON text ``{"args": [...], "kwargs": {...}}``; equal arguments give equal text.

        Raises:
            UnencodablePayload: naming the argument and its type.
        """
        ...

    def decode_arguments(self, task_data: str) -> tuple[list[Any], dict[str, Any]]:
        """The inverse; equal to what was encoded, types included."""
        ...

    def encode_result(self, value: Any) -> str:
        """JSON text of a task's return value.

        Raises:
            UnencodablePayload: the value cannot be stored.
        """
        ...

    def decode_result(self, text: str) -> Any:
        """The inverse of `encode_result`."""
        ...
