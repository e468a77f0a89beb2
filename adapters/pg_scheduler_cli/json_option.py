"""Options that hold JSON."""

from __future__ import annotations

import json
from typing import Any

from pg_scheduler.domain.errors import InvalidInput


def read_json(option: str, text: str, kind: type) -> Any:
    """The value that an option holds.

    Raises:
        InvalidInput: it is not JSON, or not of this kind (list or dict).
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(option, f"not JSON: {error}") from None
    if not isinstance(value, kind):
        raise InvalidInput(option, f"expected a JSON {'list' if kind is list else 'object'}")
    return value
