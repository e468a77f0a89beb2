"""Headers: a JSON object that travels with a job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pg_scheduler.domain.errors import InvalidInput, UnencodablePayload, shown
from pg_scheduler.engine.codec.json_codec import JsonCodec


def encoded_headers(value: object) -> str | None:
    """The headers as they are stored; None stays None.

    Raises:
        InvalidInput: not a mapping, or something in it that JSON cannot carry.
    """
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise InvalidInput("headers", f"expected a dict, got {shown(value)}")
    try:
        return JsonCodec().encode_result(dict(value))
    except UnencodablePayload as error:
        raise InvalidInput("headers", str(error)) from error


def decoded_headers(stored: str | None) -> dict[str, Any]:
    """Stored headers as they were given; empty if none were."""
    return {} if stored is None else dict(JsonCodec().decode_result(stored))
