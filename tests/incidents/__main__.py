"""``python -m tests.incidents``: stage them, end each by the page alone and by `pgq` alone, and count."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from playwright.async_api import Browser, async_playwright

from pg_scheduler_embedded import EmbeddedServer
from tests.browser.programs import chromium, found_or_fetched
from tests.incidents.incidents import INCIDENTS, Incident
from tests.incidents.stage import staged
from tests.incidents.visitors import Reader, Typist


async def _ended(incident: Incident, dsn: str, browser: Browser | None) -> list[str]:
    """Stage it, and end it by the page, or by `pgq` where there is no browser; the steps."""
    async with staged(dsn) as stage:
        await incident.happens(stage)
        if browser is None:
            typist = Typist(stage)
            await incident.by_pgq(typist, stage)
            return typist.steps
        page = await browser.new_page()
        page.set_default_timeout(45_000)
        reader = Reader(stage, page)
        try:
            await incident.by_page(reader, stage)
        except Exception:
            print(await page.locator("main").inner_text(), file=sys.stderr)
            raise
        await page.close()
        return reader.steps


@asynccontextmanager
async def _browser(wanted: bool) -> AsyncIterator[Browser | None]:
    if not wanted:
        yield None
        return
    missing, found = found_or_fetched(), chromium()
    if found is None:
        sys.exit("; ".join(missing))
    async with async_playwright() as playing:
        browser = await playing.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        await browser.close()


async def main(ways: list[str], names: str) -> int:
    """All of them; 1 if one could not be ended."""
    failed = 0
    with EmbeddedServer() as server:
        async with _browser("page" in ways) as browser:
            for number, incident in enumerate(one for one in INCIDENTS if names in one.name):
                print(incident.name, flush=True)
                for way in ways:
                    name = f"incident_{number}_{way}"
                    admin = await asyncpg.connect(server.dsn)
                    await admin.execute(f"CREATE DATABASE {name}")
                    await admin.close()
                    try:
                        steps = await _ended(
                            incident, server.dsn_of(name), browser if way == "page" else None
                        )
                        print(f"  {way:<5} {len(steps)} steps: {'; '.join(steps)}", flush=True)
                    except Exception:
                        failed += 1
                        traceback.print_exc()
                        print(f"  {way:<5} NOT ENDED", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.incidents", description=__doc__)
    parser.add_argument("--with", dest="way", choices=("page", "pgq", "both"), default="both")
    parser.add_argument("--only", default="", metavar="WORDS", help="incidents whose names hold these words")
    chosen = parser.parse_args()
    for variable in ("DATABASE_URL", "PG_SCHEDULER_DSN", "PGQ_DEBUG"):
        os.environ.pop(variable, None)
    sys.exit(asyncio.run(main(["page", "pgq"] if chosen.way == "both" else [chosen.way], chosen.only)))
