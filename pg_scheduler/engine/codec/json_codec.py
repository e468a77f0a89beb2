"""The default Codec: JSON that brings back the types it was given.

A value that JSON cannot express becomes an object with one key that starts with ``$``::

    datetime -> {"$datetime": "2030-01-01T09:00:00+00:00"}     Decimal -> {"$decimal": "1.10"}
    date     -> {"$date": "2030-01-01"}                        bytes   -> {"$bytes": "<base64>"}
    timedelta-> {"$timedelta": [days, seconds, microseconds]}  tuple   -> {"$tuple": [...]}
    UUID     -> {"$uuid": "..."}                               float   -> {"$float": "1e+22"} (*)
    Enum     -> {"$enum": ["module:Class", "NAME"]}            dict    -> {"$dict": {...}} (**)
    dataclass-> {"$dataclass": ["module:Class", {field: ...}]}  Path    -> {"$path": "..."}
    model    -> {"$model": ["module:Class", ...]} (***)

(*) only floats that PostgreSQL's jsonb, which keeps numbers as decimals, would give back as something
else. (**) only dicts that look like one of these. (***) a model of pydantic's or a struct of msgspec's, in
the JSON form of its library.

Classes of enums, dataclasses and models are looked up among modules that are imported already, and must be
one of these: nothing is imported, and nothing else is called, because a row says so. A subclass of
str travels as its text, and an aware datetime keeps its offset, not the name of its zone.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from pg_scheduler.domain.errors import UnencodablePayload, shown
from pg_scheduler.engine.codec.json_decoding import UndecodablePayload, decode
from pg_scheduler.engine.codec.json_encoding import Encoder, text

__all__ = ["MAX_BYTES", "JsonCodec", "UndecodablePayload"]

MAX_BYTES = 10 * 1024 * 1024
"""Longest encoded payload. Large data belongs in a table or an object store, its key in the job."""


_JSON = json.JSONEncoder(allow_nan=False, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _kept_encoder() -> Callable[[Any], str]:
    """`_JSON.encode`, which makes a C encoder for each call; where one can be kept, that takes half of the
    time."""
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        return _JSON.encode
    # As `JSONEncoder.iterencode` makes it. The trees are made anew each time: none contains itself.
    encoder = make(None, _JSON.default, json.encoder.encode_basestring, None, ":", ",", True, False, False)
    return lambda tree: "".join(encoder(tree, 0))


_dumps = _kept_encoder()


_scan: Callable[[str, int], tuple[Any, int]] = json.JSONDecoder().scan_once  # type: ignore[attr-defined]


def _loads(text: str) -> Any:
    """As `json.loads`, in half its time where the text is nothing but the value: as jsonb gives it."""
    try:
        value, end = _scan(text, 0)
    except StopIteration:
        return json.loads(text)
    return value if end == len(text) else json.loads(text)


class JsonCodec:
    """JSON with type tags; an error names the value that it cannot encode. `max_bytes` bounds one job's
    payload."""

    def __init__(self, *, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes

    def encode_arguments(self, args: list[Any], kwargs: dict[str, Any]) -> str:
        """The stored ``task_data`` text; equal arguments give equal text."""
        encode = Encoder().encode
        return self._text(
            "arguments",
            {
                "args": [encode(value, f"args[{at}]") for at, value in enumerate(args)],
                "kwargs": {
                    text(key, "kwargs key"): encode(value, f"kwargs[{shown(key)}]")
                    for key, value in kwargs.items()
                },
            },
        )

    def decode_arguments(self, task_data: str) -> tuple[list[Any], dict[str, Any]]:
        """The arguments; both empty where the row holds none."""
        stored = _loads(task_data) or {}
        if "$" not in task_data:
            # Nothing here is tagged, so nothing is to be made of it.
            kwargs = stored.get("kwargs")
            return stored.get("args") or [], dict(kwargs.items()) if kwargs else {}
        return (
            [decode(value) for value in stored.get("args") or ()],
            {key: decode(value) for key, value in (stored.get("kwargs") or {}).items()},
        )

    def encode_result(self, value: Any) -> str:
        """A return value as JSON text."""
        return self._text("result", Encoder().encode(value, "result"))

    def decode_result(self, text: str) -> Any:
        """The return value."""
        return decode(json.loads(text))

    def _text(self, what: str, tree: Any) -> str:
        encoded = _dumps(tree)
        if len(encoded) <= self._max_bytes // 4:  # no character takes more than four bytes
            return encoded
        size = len(encoded.encode())
        if size > self._max_bytes:
            raise UnencodablePayload(
                what,
                f"{size} bytes encoded; the limit is {self._max_bytes}",
                "Store the data elsewhere and pass its key",
            )
        return encoded
