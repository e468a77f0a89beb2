"""What a form or a URL says: texts, of bounded size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import parse_qs

from starlette.requests import Request

from pg_scheduler.domain.errors import InvalidInput

MOST_BYTES = 256 * 1024
"""Of a form: a thousand ids and their filter."""
MOST_FIELDS = 2000
FORM = "application/x-www-form-urlencoded"


class Fields:
    """Texts by name. A field that is empty is as good as left out."""

    def __init__(self, values: Mapping[str, Sequence[str]]) -> None:
        self._values = {name: [one for one in given if one.strip()] for name, given in values.items()}

    def get(self, name: str) -> str | None:
        """The first value, or None."""
        return next(iter(self._values.get(name, ())), None)

    def need(self, name: str) -> str:
        """The first value.

        Raises:
            InvalidInput: there is none.
        """
        value = self.get(name)
        if value is None:
            raise InvalidInput(name, "is missing")
        return value

    def all(self, name: str) -> list[str]:
        """Every value, each once."""
        return list(dict.fromkeys(self._values.get(name, ())))

    def whole_number(self, name: str) -> int | None:
        """A whole number, or None.

        Raises:
            InvalidInput: something else.
        """
        text = self.get(name)
        if text is None:
            return None
        if not (text.strip().isascii() and text.strip().isdigit() and len(text.strip()) < 19):
            raise InvalidInput(name, f"expected a whole number, got {text[:40]!r}")
        return int(text)

    def number(self, name: str) -> float | None:
        """A number, or None.

        Raises:
            InvalidInput: something else.
        """
        text = self.get(name)
        try:
            return None if text is None else float(text)
        except ValueError:
            raise InvalidInput(name, f"expected a number, got {(text or '')[:40]!r}") from None


def of_url(request: Request) -> Fields:
    """What the query of the URL says.

    Raises:
        InvalidInput: thousands of fields.
    """
    query = request.scope.get("query_string", b"").decode("latin-1")
    return _parsed("address", query)


async def of_form(request: Request) -> Fields:
    """What a form says.

    Raises:
        InvalidInput: no form, or a very long one.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise InvalidInput("form", f"expected {FORM}")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise InvalidInput("form", f"is longer than {MOST_BYTES // 1024} KiB", "Tick fewer jobs")
    return _parsed("form", body.decode("latin-1"))


def _parsed(what: str, text: str) -> Fields:
    try:
        return Fields(parse_qs(text, keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError as error:
        raise InvalidInput(what, f"{error}: more than {MOST_FIELDS}") from None
