"""The stylesheet, the script and the icon: their addresses change with them, so they are kept."""

from __future__ import annotations

from starlette.responses import Response

from pg_scheduler_web.rendering import static_text
from pg_scheduler_web.showing import Visit

_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


async def send_static(name: str, visit: Visit) -> Response:
    """One of the files."""
    return Response(
        static_text(name),
        media_type=_TYPES[name.rpartition(".")[2]],
        headers={"cache-control": "private, max-age=31536000, immutable"},
    )
