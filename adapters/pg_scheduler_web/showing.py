"""Shows a screen: asks for its regions, each by itself, so that one that fails leaves the others standing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup
from starlette.responses import Response

from pg_scheduler.domain.errors import ConnectionLost, DatabaseError
from pg_scheduler_web.desk import Desk, Inquiry
from pg_scheduler_web.failures_in_words import database_words
from pg_scheduler_web.forms import Fields, of_url
from pg_scheduler_web.rendering import Page
from pg_scheduler_web.screen import Region, Screen
from pg_scheduler_web.screens.replica import REPLICA

LIVE = "live-regions"
"""The header by which the script asks for some regions alone."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A request to look at something, by somebody who may."""

    desk: Desk
    page: Page


@dataclass(frozen=True, slots=True)
class _Shown:
    html: Markup
    away: bool = False
    """The database could not be reached."""


async def show(screen: Screen, visit: Visit) -> Response:
    """The whole page; or, for the script, the regions that it names."""
    fields = of_url(visit.page.request)
    wanted = visit.page.request.headers.get(LIVE)
    names = None if wanted is None else set(wanted.split(","))
    offered = (REPLICA, *screen.regions) if visit.desk.client.reads_elsewhere else screen.regions
    regions = [one for one in offered if names is None or one.name in names]
    shown = await asyncio.gather(*(_region(visit, screen, one, fields, names is not None) for one in regions))
    if names is not None:
        return visit.page.fragments(Markup("").join(one.html for one in shown))
    return visit.page.response(
        f"screens/{screen.name}.html",
        503 if any(one.away for one in shown) else 200,
        title=screen.title(fields),
        current=screen.section or screen.name,
        fields=fields,
        regions={region.name: one.html for region, one in zip(regions, shown, strict=True)},
    )


async def _region(visit: Visit, screen: Screen, region: Region, fields: Fields, live: bool) -> _Shown:
    page = visit.page
    try:
        if live:
            query = page.request.scope.get("query_string", b"")
            key = (screen.name, region.name, query, page.access)
            values = await visit.desk.answers.get(key, lambda: _answers_of(visit, region, fields))
        else:
            values = await _answers_of(visit, region, fields)
    except (DatabaseError, TimeoutError) as error:
        trouble = page.render("trouble.html", region=region, text=database_words(error))
        return _Shown(trouble, isinstance(error, ConnectionLost))
    content = page.render(f"regions/{region.name}.html", fields=fields, back=page.back, **values)
    return _Shown(page.render("region.html", region=region, content=content))


async def _answers_of(visit: Visit, region: Region, fields: Fields) -> Mapping[str, Any]:
    async with visit.desk.asking(region.patience) as driver:
        now = await visit.desk.now()
        inquiry = Inquiry(visit.desk, visit.page.access, fields, driver, now)
        return {"now": now, **await region.ask(inquiry)}
